public import Observations

/// What a server that we launched did after its last client had gone, as whoever started it sees it: no memory is read.
public struct Aftermath: Hashable, Sendable {
    /// How a swallowed stop, or anything else that outlives its connection, shows from outside.
    public enum Face: String, Hashable, Sendable {
        /// It takes a processor although nobody is connected.
        case hot
        /// It does nothing, and SIGTERM waits for it.
        case cold
        /// The server ends it by itself, and says so in its log.
        case bounded
    }

    /// Connections that there had been.
    public var connections: Int
    /// From SIGTERM to its end; `nil` when it had not ended after `watched`.
    public var exit: Nanoseconds?
    /// How long its end was waited for.
    public var watched: Nanoseconds
    /// The same as `exit`, of a launch that nobody had visited; `nil` when that one did not end either.
    public var unvisited: Nanoseconds?
    /// Applications that it cancelled, by its own log.
    public var cancelled: Int
    /// CPU while nobody was connected, in percent of one core; `nil` when it was not seen for long enough.
    public var idleCPU: Double?
    /// How long it was ready to run meanwhile and had no processor, in percent of the time, all threads together.
    public var idleWait: Double?

    /// How much longer than an unvisited one a server may take to end.
    static let patience = Nanoseconds.seconds(2)
    /// From how much CPU on, taken or wanted, a server without clients is busy, in percent of one core.
    static let busy = 40.0

    /// Whether SIGTERM waits for something that the connections have left; `nil` when there is nothing to compare with.
    public var waits: Bool? {
        guard let unvisited else { return nil }
        return (exit ?? watched) - unvisited >= Self.patience
    }

    /// What it shows; `nil` when nothing of the connections is left.
    public var face: Face? {
        if cancelled > 0 { return .bounded }
        guard waits == true else { return nil }
        return (idleCPU ?? 0) + (idleWait ?? 0) >= Self.busy ? .hot : .cold
    }

    /// What the events of a session say; `nil` where no server was told to end.
    static func find(in events: [ClientEvent], _ processes: [ProcessSample]) -> Aftermath? {
        func event(_ kind: ClientEvent.Kind) -> ClientEvent? { events.last { $0.kind == kind } }
        guard let gone = event(.allGone), let told = event(.terminated), let end = event(.exited) ?? event(.stayed),
            let length = end.latency
        else { return nil }
        let idle = processes.filter { $0.time >= gone.time && $0.time <= told.time }
        return Aftermath(
            connections: gone.count, exit: end.kind == .exited ? length : nil, watched: length,
            unvisited: event(.unvisitedExited)?.latency, cancelled: event(.cancelled)?.count ?? 0,
            idleCPU: percent(idle, \.cpu), idleWait: percent(idle, \.waited))
    }

    /// A time's share of the clock between the first and the last sample, in percent, all processes together.
    private static func percent(_ samples: [ProcessSample], _ total: (ProcessSample) -> Nanoseconds) -> Double? {
        var percent: Double?
        for mine in Dictionary(grouping: samples, by: \.pid).values {
            guard let first = mine.first, let last = mine.last, last.time - first.time >= .milliseconds(400) else {
                continue
            }
            let share = (total(last) - total(first)).seconds / (last.time - first.time).seconds
            percent = (percent ?? 0) + max(0, share) * 100
        }
        return percent
    }
}

extension ProcessSample {
    /// How long its threads were ready to run and had no processor.
    fileprivate var waited: Nanoseconds { threads.compactMap(\.runQueueWait).reduce(.zero, +) }
}
