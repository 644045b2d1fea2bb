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

    var count: Int { instances.count }
    var grade: Grade { instances.map(\.grade).min() ?? .sampled }
    var pid: Int32? { Set(instances.map(\.pid)).count == 1 ? instances.first?.pid : nil }
    var location: CodeLocation? { evidence.override(of: consumer) }

    /// Whether the code to blame is an override of `websocket_disconnect` and not of `dispatch`.
    var blamesDisconnect: Bool {
        guard let name = location?.function.lowercased().split(separator: ".").last else { return false }
        return name.hasPrefix("websocket_disconnect") || name.hasPrefix("websocketdisconnect")
    }

    /// The class's name without its module.
    var shortName: String { consumer.split(separator: ".").last.map(String.init) ?? consumer }

    /// How sure: in how many censuses, and for how long their sockets are gone.
    var howSure: String {
        let sightings = instances.map(\.sightings).min() ?? 1
        let ages = instances.map { (evidence.now - $0.since).seconds }
        let least = ages.min() ?? 0
        let proof = "`dispatch` returned from websocket.disconnect, which no consumer that stops ever does"
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
        return "add `except StopConsumer: raise` before `except Exception` in \(location.function)"
    }

    /// What the target's server will do with them, where it is known (measured on uvicorn 0.38 and 0.54, daphne 4.2,
    /// hypercorn 0.18).
    var consequence: String? {
        guard let server = evidence.start?.description.split(separator: " ").first?.lowercased() else { return nil }
        return switch server {
        case "uvicorn": "on SIGTERM uvicorn will wait for them, for ever without --timeout-graceful-shutdown"
        case "daphne": "daphne will cancel each of them 10 s after its disconnect"
        case "hypercorn": "on SIGTERM hypercorn will wait for them until its graceful timeout"
        default: nil
        }
    }

    var check: String {
        "log message[\"type\"] in \(location?.function ?? "\(shortName).dispatch"): after a close it prints websocket.disconnect and returns"
    }
}

extension CodeLocation {
    /// Whether the place is in Swift source.
    var isSwift: Bool { file?.hasSuffix(".swift") ?? false }
}
