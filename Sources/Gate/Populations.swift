public import Analysis
public import Observations

/// How many there are of everything that a connection may leave behind. Settled means that these stand still; rates
/// never do.
public struct Populations: Hashable, Sendable {
    /// Consumer instances alive.
    public var consumers: Int?
    /// Those that outlived their connection.
    public var stuck: Int?
    /// Tasks that have not ended; ended ones may wait for the collector.
    public var tasks: Int?
    /// Open descriptors, all processes.
    public var descriptors: Int?
    /// Threads, all processes.
    public var threads: Int?
    /// Event loops.
    public var loops: Int?
    /// Resident memory, all processes.
    public var residentBytes: Int?
    /// How old the oldest part of them is: a process is sampled more often than its consumers are counted, and a count
    /// that rests on the same census as the last one proves nothing.
    public var time: Moment

    /// Counts what `evidence` shows last.
    public init(_ evidence: Evidence) {
        let entries = evidence.ledger.entries.filter { $0.consumer != nil }
        // A server that has had no connection yet has no consumer: none, not unknown, once somebody has counted.
        let counted = !evidence.connectionCensuses.isEmpty || entries.contains { $0.alive != nil }
        consumers = counted ? entries.compactMap(\.alive).reduce(0, +) : nil
        stuck = counted ? entries.compactMap(\.stuck).reduce(0, +) : nil
        if !evidence.tasks.isEmpty {
            tasks = evidence.tasks.reduce(0) { $0 + $1.unfinished }
        } else if counted, evidence.start?.grade == .exact {
            tasks = entries.compactMap(\.tasks).reduce(0, +)
        }
        let last = evidence.processes.map(\.last)
        if !last.isEmpty {
            let known = last.compactMap(\.descriptors)
            descriptors = known.count == last.count ? known.reduce(0, +) : nil
            threads = last.reduce(0) { $0 + $1.threads.count }
            residentBytes = last.reduce(0) { $0 + $1.residentBytes }
        }
        loops = evidence.loops.isEmpty ? nil : evidence.loops.count
        var newest: [Int32: Moment] = [:]
        for census in evidence.connectionCensuses { newest[census.pid] = census.time }
        time = (Array(newest.values) + last.map(\.time)).min() ?? evidence.now
    }

    /// Whether what must stand still does: memory may breathe, and threads of a pool may be begun late.
    public func standsStill(since earlier: Populations) -> Bool {
        consumers == earlier.consumers && stuck == earlier.stuck && tasks == earlier.tasks
            && descriptors == earlier.descriptors && threads == earlier.threads
    }
}

extension TaskCensus {
    /// Tasks that have not ended.
    var unfinished: Int { groups.reduce(0) { $0 + ($1.state == .finished ? 0 : $1.count) } }
}
