import Analysis
import Observations

/// What the hot and the cold face of a swallowed stop have in common: who, where, how sure, and the fix.
struct SwallowedStopCase {
    let consumer: String
    let instances: [Outliving]
    let evidence: Evidence

    /// Cases of one face, a case per class, whose blame is not `websocket_disconnect`'s (that is LS004).
    ///
    /// A class with one instance that spins is hot as a whole: its others are the same bug, only caught at rest.
    static func cases(of faces: Set<Outliving.Face>, in evidence: Evidence, disconnectOverride: Bool) -> [Self] {
        Dictionary(grouping: evidence.outliving, by: \.instance.consumer)
            .filter { _, instances in
                let spins = instances.contains { $0.face == .hot }
                return spins ? faces.contains(.hot) : instances.contains { faces.contains($0.face) }
            }
            .sorted { $0.key < $1.key }
            .map { Self(consumer: $0.key, instances: $0.value, evidence: evidence) }
            .filter { $0.blamesDisconnect == disconnectOverride }
    }

    /// All of them: where a census had more than it could list, those it only counted are like the ones it listed.
    var count: Int { instances.count + unlisted }

    /// Instances of the class that were counted as closed and not listed.
    private var unlisted: Int {
        var last: [Int32: ConnectionCensus] = [:]
        for census in evidence.connectionCensuses { last[census.pid] = census }
        return Set(instances.map(\.pid)).reduce(0) { sum, pid in
            guard let census = last[pid], census.isCut else { return sum }
            let counted = census.consumers.first { $0.consumer == consumer }?.sockets[.closed] ?? 0
            return sum + max(0, counted - census.instances.count { $0.consumer == consumer && $0.socket == .closed })
        }
    }

    /// Those that ended since: their server cancelled them.
    var gone: Int { instances.count(where: \.isGone) }

    /// What else is to be said of either face.
    var more: [String] {
        var lines: [String] = []
        if let paths = Places.sentence(instances.map(\.instance)) { lines.append(paths) }
        if gone > 0 {
            lines.append("\(gone.spaced) of them ended meanwhile, long after the disconnect: cancelled by the server")
        }
        if unlisted > 0 { lines.append("judged by the \(instances.count.spaced) that a census lists") }
        return lines
    }

    var connections: [Finding.Connection] { Places.connections(instances.map { ($0.pid, $0.instance) }) }
    var grade: Grade { instances.map(\.grade).min() ?? .sampled }
    var pid: Int32? { Set(instances.map(\.pid)).count == 1 ? instances.first?.pid : nil }
    var location: CodeLocation? { evidence.override(of: consumer) }

    /// Whether the code to blame is an override of `websocket_disconnect` and not of `dispatch`.
    var blamesDisconnect: Bool {
        guard let name = location?.function.lowercased().split(separator: ".").last else { return false }
        let handlers = ["websocket_disconnect", "websocketdisconnect", "http_disconnect", "httpdisconnect"]
        return handlers.contains { name.hasPrefix($0) }
    }

    /// The message that it does not stop at: a request's, or a WebSocket's.
    var disconnect: String { instances.compactMap(\.instance.disconnect).first ?? "websocket.disconnect" }

    /// The class's name without its module.
    var shortName: String { Places.shortName(consumer) }

    /// How sure: in how many censuses, and for how long their sockets are gone.
    var howSure: String {
        let sightings = instances.map(\.sightings).min() ?? 1
        let ages = instances.map { (evidence.now - $0.since).seconds }
        let least = ages.min() ?? 0
        let proof = "`dispatch` returned from \(disconnect), which no consumer that stops ever does"
        let seen = "seen in \(sightings) of \(max(sightings, evidence.connectionCensuses.count)) censuses"
        return "\(seen); closed at least \(least.spokenSeconds) ago; \(proof)"
    }

    /// The fix, naming the override if it is known.
    var fix: String {
        guard let location else {
            return "find what catches StopConsumer around \(shortName)'s dispatch and re-raise it: "
                + "`except StopConsumer: raise` before `except Exception`"
        }
        if location.isSwift {
            return
                "in \(location.function), rethrow StopConsumer: `catch let stop as StopConsumer { throw stop }` before the other `catch`"
        }
        // Without the handler in its code the override is only the likely place: something it calls may swallow.
        return (location.handlerLine == nil ? "probably: " : "")
            + "add `except StopConsumer: raise` before `except Exception` in \(location.function)"
    }

    var check: String {
        "log message[\"type\"] in \(location?.function ?? "\(shortName).dispatch"): after a close it prints \(disconnect) and returns"
    }
}

extension CodeLocation {
    /// Whether the place is in Swift source.
    var isSwift: Bool { file?.hasSuffix(".swift") ?? false }
}
