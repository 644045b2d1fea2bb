import Observations
import Synchronization

/// The last minute of a session in memory, for detectors that judge while it goes on.
///
/// Stacks are added up and old windows forgotten, so a session of days needs no more memory than one of minutes. What a
/// ledger needs (connection steps, swallowed stops) is kept whole.
final class LiveLog: ObservationSink {
    /// Observations after which it tidies up.
    static let tidyAt = 20_000
    /// Windows and censuses older than this are forgotten when it does.
    static let memory = Nanoseconds.seconds(60)

    private struct State {
        var entries: [Observation] = []
        var untidy = 0
    }

    private let state = Mutex(State())

    func record(_ observations: [Observation]) {
        state.withLock { state in
            state.entries += observations
            state.untidy += observations.count
            if state.untidy >= Self.tidyAt {
                state.entries = Self.tidied(state.entries)
                state.untidy = 0
            }
        }
    }

    /// The log as it stands.
    var snapshot: ObservationLog { ObservationLog(state.withLock { $0.entries }) }

    static func tidied(_ entries: [Observation]) -> [Observation] {
        let now = entries.compactMap(\.time).max() ?? Moment(nanoseconds: 0)
        var stacks: [StackSample] = []
        var first: Set<Int32> = []
        var kept: [Observation] = []
        var bridges: [BridgeEvent] = []
        for entry in entries {
            switch entry {
            case .stack(let sample): stacks.append(sample)
            // What happened since the beginning is divided by what was served since: added up, never forgotten.
            case .bridge(let event):
                if let place = bridges.firstIndex(where: { $0.isAlike(event) }) {
                    bridges[place].count += event.count
                } else {
                    bridges.append(event)
                }
            case .process(let sample) where first.insert(sample.pid).inserted: kept.append(entry)
            case .loop, .dispatches, .dispatch, .connections, .tasks, .types, .process, .block, .bridges, .layer,
                .client:
                if let time = entry.time, now - time <= memory { kept.append(entry) }
            case .start, .method, .swallowed, .connection, .consumer, .quality, .impact, .note, .phase, .source, .end:
                kept.append(entry)
            }
        }
        return kept + bridges.map(Observation.bridge) + StackSample.merged(stacks).map(Observation.stack)
    }
}

extension BridgeEvent {
    /// Whether both count the same thing.
    fileprivate func isAlike(_ other: BridgeEvent) -> Bool {
        pid == other.pid && kind == other.kind && site == other.site
    }
}

/// Gives everything to several sinks, in order.
struct Tee: ObservationSink {
    let sinks: [any ObservationSink]

    func record(_ observations: [Observation]) {
        for sink in sinks { sink.record(observations) }
    }
}
