import Observations

extension ConnectionCensus: StoredRow {
    static let table = "connection_censuses"
    static let columns = "time_ns, pid, grade"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(grade)
        row.put(children: consumers)
        row.put(children: instances)
        row.put(children: server.map { [$0] } ?? [])
        row.put(children: layers)
    }

    init(from row: inout RowReader) throws {
        let servers: [ServerState] = try row.children()
        self.init(
            time: try row.take(), pid: try row.take(), grade: try row.take(), consumers: try row.children(),
            instances: try row.children(), server: servers.first, layers: try row.children())
    }
}

extension ConsumerCount: StoredRow {
    static let table = "census_consumers"
    static let parent: String? = "census"
    static let columns = """
        consumer, function, file, line, handler_line, handshake, open, closing, closed, unknown, tasks, groups, \
        dispatches, dispatch_ns, dispatchers
        """

    func write(to row: inout RowWriter) {
        row.put(consumer)
        row.put(override)
        for state in SocketState.allCases { row.put(sockets[state]) }
        row.put(tasks)
        row.put(groups)
        row.put(dispatches?.count)
        row.put(dispatches?.span)
        row.put(dispatches?.instances)
    }

    init(from row: inout RowReader) throws {
        self.init(
            consumer: try row.take(), override: try row.takeLocation(), sockets: try row.takeCounts(),
            tasks: try row.take(), groups: try row.take())
        let (count, span): (Int?, Nanoseconds?) = (try row.take(), try row.take())
        let instances: Int? = try row.take()
        if let count, let span, let instances {
            dispatches = DispatchCount(count: count, span: span, instances: instances)
        }
    }
}

extension ConsumerInstance: StoredRow {
    static let table = "census_instances"
    static let parent: String? = "census"
    static let columns = """
        instance, consumer, socket, path, last_message, first_disconnect, dispatching, progress, disconnects, \
        closed_at_ns, tasks, groups, waiting_in, channel, wait, served
        """

    func write(to row: inout RowWriter) throws {
        row.put(id)
        row.put(consumer)
        row.put(socket)
        row.put(path)
        row.put(lastMessage)
        row.put(lastMessageIsFirstDisconnect)
        row.put(dispatching)
        row.put(progress)
        row.put(disconnects)
        row.put(closedAt)
        row.put(tasks)
        row.put(groups)
        try row.put(frame: waitingIn)
        row.put(channel)
        row.put(wait)
        row.put(isServed)
    }

    init(from row: inout RowReader) throws {
        self.init(
            id: try row.take(), consumer: try row.take(), socket: try row.take(), path: try row.take(),
            lastMessage: try row.take(), lastMessageIsFirstDisconnect: try row.take(), dispatching: try row.take(),
            progress: try row.take(), disconnects: try row.take(), closedAt: try row.take(), tasks: try row.take(),
            groups: try row.take(), waitingIn: try row.takeFrame(), channel: try row.take(),
            wait: try row.take(), isServed: try row.take())
    }
}

extension TaskCensus: StoredRow {
    static let table = "task_censuses"
    static let columns = "time_ns, pid, grade"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(grade)
        row.put(children: groups)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), pid: try row.take(), grade: try row.take(), groups: try row.children())
    }
}

extension TaskGroup: StoredRow {
    static let table = "task_groups"
    static let parent: String? = "census"
    static let columns = """
        name, consumer, state, waits_for, stack, count, example, first_number, last_number
        """

    func write(to row: inout RowWriter) throws {
        row.put(name)
        row.put(consumer)
        row.put(state)
        row.put(waitsFor)
        try row.put(stack)
        row.put(count)
        row.put(example)
        row.put(numbers?.lowerBound)
        row.put(numbers?.upperBound)
    }

    init(from row: inout RowReader) throws {
        self.init(
            name: try row.take(), consumer: try row.take(), state: try row.take(), waitsFor: try row.take(),
            stack: try row.takeStack(), count: try row.take(), example: try row.take())
        if let first: Int = try row.take(), let last: Int = try row.take() {
            guard first <= last else { throw row.damage }
            numbers = first...last
        }
    }
}

extension TypeCensus: StoredRow {
    static let table = "type_censuses"
    static let columns = "time_ns, pid"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(children: counts.sorted { $0.key < $1.key }.map { TypeCount(type: $0.key, count: $0.value) })
    }

    init(from row: inout RowReader) throws {
        let (time, pid): (Moment, Int32) = (try row.take(), try row.take())
        let children: [TypeCount] = try row.children()
        let counts = Dictionary(children.map { ($0.type, $0.count) }, uniquingKeysWith: { $1 })
        self.init(time: time, pid: pid, counts: counts)
    }
}

/// Live objects of one type: a row under a `TypeCensus`.
private struct TypeCount: StoredRow {
    static let table = "type_counts"
    static let parent: String? = "census"
    static let columns = "type, count"
    let type: String
    let count: Int

    init(type: String, count: Int) {
        self.type = type
        self.count = count
    }

    func write(to row: inout RowWriter) {
        row.put(type)
        row.put(count)
    }

    init(from row: inout RowReader) throws { self.init(type: try row.take(), count: try row.take()) }
}
