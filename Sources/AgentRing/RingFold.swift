public import Observations

/// Turns one process's memory into observations: what has happened since the last look, and who is alive.
///
/// Counters become windows of their differences; records become events. One thread.
public struct RingFold<Bytes: RingBytes> {
    var reader: RingReader<Bytes>
    private var meters: [[UInt64]] = []
    private var last: Moment
    private var toldLost = 0
    private var toldErrors = 0
    /// Whether those who were there when it joined are still to be told.
    private var joins = false
    /// The process as we know it: its own number is another one in a container.
    public var pid: Int32

    /// A fold of a memory; `nil` when it is none, or of another version.
    public init?(_ bytes: Bytes) {
        guard let reader = RingReader(bytes) else { return nil }
        self.reader = reader
        pid = reader.header.pid
        last = Moment(nanoseconds: reader.header.start)
    }

    /// A fold that joins a process which has been counting for a while. Where its first records are overwritten by now, it
    /// begins here: with those who are alive, and counters as they stand.
    public init?(joining bytes: Bytes, at now: Moment) {
        self.init(bytes)
        guard !reader.isWhole else { return }
        reader.skip()
        meters = reader.meters()
        (joins, last) = (true, now)
    }

    /// The header as it was read last.
    public var header: RingHeader { reader.header }
    /// Whether the last look found so much that the next should not be long in coming.
    public private(set) var isBusy = false
    /// Records that were overwritten before they were read.
    public var lost: Int { reader.lost }

    /// Everything since the last call.
    public mutating func advance(to now: Moment) -> [Observation] {
        guard reader.refresh() else { return [] }
        var observations: [Observation] = []
        if joins {
            observations = instances().compactMap { InstanceRow($0) }.flatMap { steps(of: $0, at: now) }
            joins = false
        }
        let records = reader.records()
        isBusy = records.count > reader.header.layout.records / 8
        var thinning = Thinning()
        for record in records where thinning.keeps(record) {
            if let observation = observation(of: record) { observations.append(observation) }
        }
        observations += windows(to: now)
        observations += losses(at: now)
        last = now
        return observations
    }

    private mutating func losses(at now: Moment) -> [Observation] {
        var told: [Observation] = []
        if reader.lost > toldLost {
            let text = "\(reader.lost - toldLost) events were overwritten before they were read; counters are whole"
            told.append(.quality(SampleQuality(lost: reader.lost - toldLost)))
            told.append(.note(ProbeNote(time: now, pid: pid, text: text)))
            toldLost = reader.lost
        }
        if reader.header[.errors] > toldErrors {
            toldErrors = reader.header[.errors]
            let text = "the agent's hooks failed \(toldErrors) times; what they should have counted is missing"
            told.append(.note(ProbeNote(time: now, pid: pid, text: text)))
        }
        return told
    }
}

extension RingFold {
    /// The differences of all counters, as windows.
    private mutating func windows(to now: Moment) -> [Observation] {
        let rows = reader.meters()
        var observations: [Observation] = []
        for (index, row) in rows.enumerated() {
            let before = index < meters.count ? meters[index] : Array(repeating: 0, count: RingLayout.rowCells)
            // A counter that falls is not one: the memory is not what it says.
            let new = (0..<RingLayout.rowCells).map { row[$0] >= before[$0] ? Int(clamping: row[$0] - before[$0]) : 0 }
            guard new.dropFirst().contains(where: { $0 > 0 }) else { continue }
            let consumer = reader.name(Int(row[0] & 0xFFFF_FFFF))
            let message = Int(row[0] >> 32)
            observations.append(
                message == 0
                    ? .consumer(consumerWindow(consumer, new, to: now))
                    : .dispatches(dispatchWindow(consumer, reader.name(message), new, to: now)))
        }
        meters = rows
        return observations
    }

    private func consumerWindow(_ consumer: String, _ new: [Int], to now: Moment) -> ConsumerWindow {
        ConsumerWindow(
            start: last, length: now - last, pid: pid, consumer: consumer, tasksStarted: new[1], tasksEnded: new[2],
            groupsJoined: new[3], groupsLeft: new[4], disconnectsDelivered: new[5])
    }

    private func dispatchWindow(
        _ consumer: String, _ message: String, _ new: [Int], to now: Moment
    ) -> DispatchWindow {
        let outcomes: [DispatchOutcome: Int] = [
            .returned: new[1], .stopped: new[2], .threw: new[3], .cancelled: new[4],
        ]
        return DispatchWindow(
            start: last, length: now - last, pid: pid, loop: "1", consumer: consumer, message: message,
            handler: message.replacingDots, outcomes: outcomes.filter { $0.value > 0 }, afterDisconnect: new[5])
    }

    private mutating func observation(of record: RingRecord) -> Observation? {
        let time = Moment(nanoseconds: record.time)
        switch record.kind {
        case .opened, .accepted, .rejected, .closed, .started, .ended:
            return step(of: record).map { .connection($0) }
        case .dispatched:
            let outcomes: [DispatchOutcome] = [.returned, .stopped, .threw, .cancelled]
            guard (1...4).contains(record.detail) else { return nil }
            return .dispatch(
                DispatchEvent(
                    time: time, pid: pid, loop: "1", connection: record.connection, consumer: reader.name(record.first),
                    message: reader.name(record.second), outcome: outcomes[record.detail - 1],
                    duration: Nanoseconds(Int64(clamping: record.value)),
                    error: record.third == 0 ? nil : reader.name(record.third)))
        case .swallowed:
            let handler = Int(record.value >> 32)
            return .swallowed(
                SwallowedStop(
                    time: time, pid: pid, consumer: reader.name(record.first),
                    location: CodeLocation(
                        function: reader.name(record.second), file: reader.name(record.third),
                        line: Int(record.value & 0xFFFF_FFFF), handlerLine: handler == 0 ? nil : handler),
                    error: record.detail == 1 ? "CancelledError" : nil))
        case .bridge, nil: return nil
        }
    }

    private mutating func step(of record: RingRecord) -> ConnectionEvent? {
        let steps: [RingRecord.Kind: ConnectionEvent.Step] = [
            .opened: .opened, .accepted: .accepted, .rejected: .rejected, .closed: .closed, .started: .started,
            .ended: .ended,
        ]
        let outcomes: [ConnectionEvent.Outcome] = [.stopped, .returned, .threw, .killed, .cancelled]
        guard let kind = record.kind, let step = steps[kind] else { return nil }
        let consumer = record.first == 0 ? nil : reader.name(record.first)
        return ConnectionEvent(
            time: Moment(nanoseconds: record.time), pid: pid, connection: record.connection, step: step,
            consumer: consumer, path: record.second == 0 ? nil : reader.name(record.second),
            code: record.value == 0 ? nil : Int(clamping: record.value),
            outcome: step == .ended && (1...5).contains(record.detail) ? outcomes[record.detail - 1] : nil,
            error: record.third == 0 ? nil : reader.name(record.third))
    }
}

extension String {
    /// The handler's name of a message type.
    fileprivate var replacingDots: String { String(map { $0 == "." ? "_" : $0 }) }
}
