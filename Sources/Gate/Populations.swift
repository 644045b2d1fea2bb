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
    /// Event loops that stay; `nil` under WSGI, where each call may have one of its own.
    public var loops: Int?
    /// Memberships in the groups of all layers.
    public var members: Int?
    /// Resident memory, all processes.
    public var residentBytes: Int?
    /// What has been counted since the session began: no population, but only differences of it mean anything either.
    public var flow: Flow
    /// The same things by what they are, to tell what there is more of.
    public var kinds: Kinds
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
        flow = Flow(evidence)
        kinds = Kinds(evidence)
        loops = evidence.loops.isEmpty || flow.requests != nil ? nil : evidence.loops.count
        members = Self.members(evidence, entries)
        var newest: [Int32: Moment] = [:]
        for census in evidence.connectionCensuses { newest[census.pid] = census.time }
        // A CPython server whose consumers nobody has counted yet does not stand still: nothing is known of it.
        let isUncounted = newest.isEmpty && evidence.start?.kind == .cpython
        time =
            isUncounted
            ? Moment(nanoseconds: .min) : (Array(newest.values) + last.map(\.time)).min() ?? evidence.now
    }

    private static func members(_ evidence: Evidence, _ entries: [LedgerEntry]) -> Int? {
        let read = evidence.lastCensuses.flatMap(\.layers).compactMap(\.members)
        if !read.isEmpty { return read.reduce(0, +) }
        let joined = entries.compactMap(\.groupsJoined)
        return joined.isEmpty ? nil : joined.reduce(0, +) - entries.compactMap(\.groupsLeft).reduce(0, +)
    }

    /// Whether what must stand still does: memory may breathe, and threads of a pool may be begun late.
    public func standsStill(since earlier: Populations) -> Bool {
        consumers == earlier.consumers && stuck == earlier.stuck && tasks == earlier.tasks
            && descriptors == earlier.descriptors && threads == earlier.threads && members == earlier.members
            && flow == earlier.flow
    }
}

extension Populations {
    /// Counters that only rise.
    public struct Flow: Hashable, Sendable {
        /// Event loops made for single calls by a WSGI server; `nil` elsewhere.
        public var bridges: Int?
        /// Requests that it has served.
        public var requests: Int?

        init(_ evidence: Evidence) {
            // Only gunicorn's own workers count requests, and those are WSGI's: executors of an ASGI server are no loops.
            let served = evidence.bridgeEvents.filter { $0.kind == .request }
            guard !served.isEmpty else { return }
            requests = served.reduce(0) { $0 + $1.count }
            bridges = evidence.bridgeEvents.reduce(0) { $0 + ($1.kind == .threadCreated ? $1.count : 0) }
        }
    }
}

extension TaskCensus {
    /// Tasks that have not ended.
    var unfinished: Int { groups.reduce(0) { $0 + ($1.state == .finished ? 0 : $1.count) } }
}

extension Evidence {
    /// The last connection census of each process.
    var lastCensuses: [ConnectionCensus] {
        var last: [Int32: ConnectionCensus] = [:]
        for census in connectionCensuses { last[census.pid] = census }
        return last.sorted { $0.key < $1.key }.map(\.value)
    }
}
