public import Observations
import AgentRing
import Synchronization

/// Where those who read a process's memory leave their censuses for the one who counts its events.
///
/// Both see the same consumers: the agent knows how many there are and what became of each, the reader what code they have and
/// where they wait. Two censuses of one process would contradict each other, so one is made of both.
public final class CensusDesk: Sendable {
    private struct State {
        var counted: Set<Int32> = []
        var expected: Set<Int32> = []
        var hasLoop: Set<Int32> = []
        var read: [Int32: ConnectionCensus] = [:]
    }

    private let state = Mutex(State())

    /// A desk.
    public init() {}

    /// The events of this process are counted.
    func counts(_ pid: Int32) { state.withLock { _ = $0.counted.insert(pid) } }

    /// Somebody is about to read this process's memory.
    func expects(_ pid: Int32) { state.withLock { _ = $0.expected.insert(pid) } }

    /// A loop of this process was seen.
    func sawLoop(of pid: Int32) { state.withLock { _ = $0.hasLoop.insert(pid) } }

    /// Whether whoever reads this process has not yet said what it has to say: who waits for a server to stand still would
    /// else take what is not known yet for what cannot be known.
    func awaitsReader(of pid: Int32) -> Bool {
        state.withLock { $0.expected.contains(pid) && ($0.read[pid] == nil || !$0.hasLoop.contains(pid)) }
    }

    /// Takes a census that was read; `false` when nobody counts that process and it must be recorded as it is.
    func take(_ census: ConnectionCensus) -> Bool {
        state.withLock { state in
            guard state.counted.contains(census.pid) else { return false }
            state.read[census.pid] = census
            return true
        }
    }

    /// Whether anybody reads that process's memory.
    func isRead(_ pid: Int32) -> Bool { state.withLock { $0.read[pid] != nil } }

    /// A counted census with what was read last.
    func complete(_ census: ConnectionCensus) -> ConnectionCensus {
        state.withLock { $0.read[census.pid] }.map { census.completed(by: $0) } ?? census
    }
}

/// A probe that reads a process's memory beside the agent: its censuses of connections go to the desk, and the session's
/// start is the agent's.
public struct ReadingProbe: Probe {
    private let probe: any Probe
    private let desk: CensusDesk

    /// A probe of one process beside the agent.
    public init(_ probe: any Probe, of pid: Int32, desk: CensusDesk) {
        (self.probe, self.desk) = (probe, desk)
        desk.expects(pid)
    }

    /// Observes.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        try await probe.observe(into: DeskSink(sink: sink, desk: desk))
    }
}

private struct DeskSink: ObservationSink {
    let sink: any ObservationSink
    let desk: CensusDesk

    func record(_ observations: [Observation]) {
        for case .loop(let window) in observations { desk.sawLoop(of: window.pid) }
        sink.record(
            observations.filter { observation in
                switch observation {
                case .start: false
                case .connections(let census): !desk.take(census)
                default: true
                }
            })
    }
}
