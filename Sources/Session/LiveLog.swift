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
        var stacks = StackSums()
        var untidy = 0
    }

    private let state = Mutex(State())

    func record(_ observations: [Observation]) {
        state.withLock { state in
            let before = state.entries.count
            for observation in observations {
                if case .stack(let sample) = observation {
                    state.stacks.add(sample)
                } else {
                    state.entries.append(observation)
                }
            }
            state.untidy += state.entries.count - before
            if state.untidy >= Self.tidyAt {
                state.entries = Self.tidied(state.entries)
                state.untidy = 0
            }
        }
    }

    /// The log as it stands.
    var snapshot: ObservationLog {
        var (all, stacks) = state.withLock { ($0.entries, $0.stacks.sums) }
        // Twice a second: made once, at its full length.
        all.reserveCapacity(all.count + stacks.count)
        for sample in stacks { all.append(.stack(sample)) }
        stacks = []
        return ObservationLog(all)
    }

    static func tidied(_ entries: [Observation]) -> [Observation] {
        let now = entries.compactMap(\.time).max() ?? Moment(nanoseconds: 0)
        var first: Set<Int32> = []
        var kept: [Observation] = []
        var bridges: [BridgeEvent] = []
        for entry in entries {
            switch entry {
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
            case .start, .stack, .method, .swallowed, .connection, .consumer, .quality, .impact, .note, .phase, .source,
                .end:
                kept.append(entry)
            }
        }
        return kept + bridges.map(Observation.bridge)
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
