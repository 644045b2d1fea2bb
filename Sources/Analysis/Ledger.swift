public import Observations

/// One consumer class's account: what was opened must be closed, what was started must end.
///
/// A number that could not be had is `nil`, never 0.
public struct LedgerEntry: Hashable, Sendable {
    /// The consumer class, or `nil` for connections that never reached one.
    public var consumer: String?
    /// How the numbers were obtained.
    public var grade: Grade
    /// Connections opened while observing.
    public var opened: Int?
    /// Handshakes answered with 101.
    public var accepted: Int?
    /// Handshakes refused.
    public var rejected: Int?
    /// Connections closed while observing.
    public var closed: Int?
    /// Connections open at the end.
    public var open: Int?
    /// Consumer instances started.
    public var started: Int?
    /// Consumer instances ended.
    public var ended: Int?
    /// Of those, the ones their server killed because they outlived their connection.
    public var killed: Int?
    /// Of those, the ones that an error ended.
    public var threw: Int?
    /// Instances alive at the end.
    public var alive: Int?
    /// Objects of the class in memory when they were last counted: those alive, and those that wait for a collector pass
    /// or are held by something else than a task.
    public var objects: Int?
    /// Instances alive at the end whose connection is closed.
    public var stuck: Int?
    /// Tasks alive at the end on behalf of its instances.
    public var tasks: Int?
    /// Tasks begun while observing.
    public var tasksStarted: Int?
    /// Tasks ended while observing.
    public var tasksEnded: Int?
    /// Groups joined.
    public var groupsJoined: Int?
    /// Groups left.
    public var groupsLeft: Int?
    /// `websocket.disconnect` messages delivered.
    public var disconnectsDelivered: Int?
    /// Dispatches a second while observing; the last full second when it is known.
    public var dispatchesPerSecond: Double?
    /// Where that is an estimate out of a count for a moment: how many were seen.
    public var dispatchSamples: Int?

    /// How `dispatchesPerSecond` was obtained.
    public var dispatchesGrade: Grade? {
        dispatchesPerSecond.map { _ in dispatchSamples == nil ? grade : .sampled }
    }

    /// An empty account.
    public init(consumer: String?, grade: Grade) {
        self.consumer = consumer
        self.grade = grade
    }

    /// What does not balance, in words. Empty when all is well, or nothing is known.
    public var imbalances: [String] {
        var found: [String] = []
        if let stuck, stuck > 0 { found.append("\(stuck.spaced) outlived their connection") }
        if let tasksStarted, let tasksEnded, let tasks, tasksStarted - tasksEnded > 0, alive == 0, tasks > 0 {
            found.append("\(tasksStarted - tasksEnded) tasks have no owner")
        }
        if let groupsJoined, let groupsLeft, alive == 0, groupsJoined > groupsLeft {
            found.append("\(groupsJoined - groupsLeft) groups were never left")
        }
        if let disconnectsDelivered, let closed, disconnectsDelivered > closed {
            found.append("\(disconnectsDelivered.counted("disconnect")) for \(closed.counted("closed connection"))")
        }
        return found
    }
}

/// The accounts of all consumer classes: a pure function of a recording.
public struct Ledger: Hashable, Sendable {
    /// One entry a class, by name; connections without a class last.
    public var entries: [LedgerEntry]

    /// A ledger of these entries.
    public init(entries: [LedgerEntry]) { self.entries = entries }

    /// The account of one class.
    public subscript(consumer: String) -> LedgerEntry? { entries.first { $0.consumer == consumer } }

    /// Draws up the accounts of a session, or of the connections opened in one phase of it.
    ///
    /// Exact accounts come from events and windows; where a class has none, its last census is read.
    public init(_ source: some ObservationSource, phase: String? = nil) throws {
        var accounts = Accounts()
        let span = try PhaseSpan(phase, in: source)
        accounts.add(events: try source.connections(), opened: span)
        accounts.add(windows: try source.consumerWindows(), in: span)
        let censuses = try source.connectionCensuses()
        // Windows in which nothing was dispatched are not written: until when somebody looked is known from others.
        let seen = max(
            censuses.map(\.time).max() ?? span.range.lowerBound,
            try source.loops().map { $0.start + $0.length }.max() ?? span.range.lowerBound)
        accounts.add(dispatches: try source.dispatchWindows(), in: span, until: min(seen, span.range.upperBound))
        if phase == nil {
            accounts.add(censuses: censuses)
            accounts.add(types: try source.typeCensuses(), of: Set(try source.methods().map(\.consumer)))
        }
        entries = accounts.entries
    }
}

extension Ledger {
    /// Books what was counted for a while on some of the instances that spin. Of one class those are all tasks that the process
    /// made meanwhile, of several an estimate.
    mutating func addRates(
        of outliving: [Outliving], in censuses: [ConnectionCensus]
    ) {
        let hot = Dictionary(grouping: outliving.filter { $0.face == .hot && $0.grade == .read }, by: \.pid)
        for (pid, spinning) in hot.sorted(by: { $0.key < $1.key }) {
            let classes = Dictionary(grouping: spinning, by: \.instance.consumer)
            for (consumer, instances) in classes {
                guard let count = DispatchCount.last(of: consumer, pid, in: censuses), let each = count.perSecondEach
                else {
                    continue
                }
                let rate = Double(instances.count) * each
                add(dispatchesPerSecond: rate, of: consumer, samples: classes.count > 1 ? count.count : nil)
            }
        }
    }

    private mutating func add(dispatchesPerSecond more: Double, of consumer: String, samples: Int? = nil) {
        guard let place = entries.firstIndex(where: { $0.consumer == consumer }) else { return }
        entries[place].dispatchesPerSecond = (entries[place].dispatchesPerSecond ?? 0) + more
        if let samples { entries[place].dispatchSamples = (entries[place].dispatchSamples ?? 0) + samples }
    }
}

extension DispatchCount {
    /// The newest count of a class in a process.
    static func last(of consumer: String, _ pid: Int32, in censuses: [ConnectionCensus]) -> DispatchCount? {
        for census in censuses.reversed() where census.pid == pid {
            if let count = census.consumers.first(where: { $0.consumer == consumer })?.dispatches { return count }
        }
        return nil
    }
}

/// The time of one phase: from its mark to the next.
struct PhaseSpan {
    var range: ClosedRange<Moment>

    init(_ phase: String?, in source: some ObservationSource) throws {
        let whole = Moment(nanoseconds: .min)...Moment(nanoseconds: .max)
        guard let phase else {
            range = whole
            return
        }
        let marks = try source.phases()
        guard let index = marks.firstIndex(where: { $0.name == phase }) else {
            range = whole.upperBound...whole.upperBound
            return
        }
        let next = marks.dropFirst(index + 1).first?.time ?? whole.upperBound
        range = marks[index].time...max(marks[index].time, next)
    }

    func contains(_ moment: Moment) -> Bool { range.contains(moment) }
}
