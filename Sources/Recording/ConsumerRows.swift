import Observations

extension DispatchWindow: StoredRow {
    static let table = "dispatch_windows"
    static let columns = """
        start_ns, length_ns, pid, loop, route, consumer, message, handler, returned, stopped, threw, cancelled, \
        after_disconnect, busy_ns, durations
        """

    func write(to row: inout RowWriter) {
        row.put(start)
        row.put(length)
        row.put(pid)
        row.put(loop)
        row.put(route)
        row.put(consumer)
        row.put(message)
        row.put(handler)
        for outcome in DispatchOutcome.allCases { row.put(outcomes[outcome]) }
        row.put(afterDisconnect)
        row.put(busy)
        row.put(durations)
    }

    init(from row: inout RowReader) throws {
        self.init(
            start: try row.take(), length: try row.take(), pid: try row.take(), loop: try row.take(),
            route: try row.take(), consumer: try row.take(), message: try row.take(), handler: try row.take(),
            outcomes: try row.takeCounts(), afterDisconnect: try row.take(), busy: try row.take(),
            durations: try row.take())
    }
}

extension DispatchEvent: StoredRow {
    static let table = "dispatches"
    static let columns = "time_ns, pid, loop, connection, consumer, message, outcome, duration_ns, error"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(loop)
        row.put(connection)
        row.put(consumer)
        row.put(message)
        row.put(outcome)
        row.put(duration)
        row.put(error)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), pid: try row.take(), loop: try row.take(), connection: try row.take(),
            consumer: try row.take(), message: try row.take(), outcome: try row.take(), duration: try row.take(),
            error: try row.take())
    }
}

extension SwallowedStop: StoredRow {
    static let table = "swallowed_stops"
    static let columns = "time_ns, pid, consumer, function, file, line, handler_line, error"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(consumer)
        row.put(location)
        row.put(error)
    }

    init(from row: inout RowReader) throws {
        let (time, pid, consumer): (Moment, Int32, String) = (try row.take(), try row.take(), try row.take())
        guard let location = try row.takeLocation() else { throw row.damage }
        self.init(time: time, pid: pid, consumer: consumer, location: location, error: try row.take())
    }
}

extension ConnectionEvent: StoredRow {
    static let table = "connection_events"
    static let columns = "time_ns, pid, connection, step, consumer, path, code, outcome, error"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(connection)
        row.put(step)
        row.put(consumer)
        row.put(path)
        row.put(code)
        row.put(outcome)
        row.put(error)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), pid: try row.take(), connection: try row.take(), step: try row.take(),
            consumer: try row.take(), path: try row.take(), code: try row.take(), outcome: try row.take(),
            error: try row.take())
    }
}

extension ConsumerWindow: StoredRow {
    static let table = "consumer_windows"
    static let columns = """
        start_ns, length_ns, pid, consumer, tasks_started, tasks_ended, groups_joined, groups_left, \
        disconnects_delivered
        """

    func write(to row: inout RowWriter) {
        row.put(start)
        row.put(length)
        row.put(pid)
        row.put(consumer)
        row.put(tasksStarted)
        row.put(tasksEnded)
        row.put(groupsJoined)
        row.put(groupsLeft)
        row.put(disconnectsDelivered)
    }

    init(from row: inout RowReader) throws {
        self.init(
            start: try row.take(), length: try row.take(), pid: try row.take(), consumer: try row.take(),
            tasksStarted: try row.take(), tasksEnded: try row.take(), groupsJoined: try row.take(),
            groupsLeft: try row.take(), disconnectsDelivered: try row.take())
    }
}

extension RowReader {
    /// One column per case, in the order of the cases; NULL where there is no count.
    mutating func takeCounts<Key: Hashable & CaseIterable>() throws -> [Key: Int] {
        var counts: [Key: Int] = [:]
        for key in Key.allCases { counts[key] = try take() as Int? }
        return counts
    }
}
