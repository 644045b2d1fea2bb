public import Observations

extension RingFold {
    /// Who is alive now. Instances that are open and served are counted only; the others get a row.
    public mutating func census(at now: Moment) -> (connections: ConnectionCensus, tasks: TaskCensus) {
        var counts: [String: ConsumerCount] = [:]
        var rows: [ConsumerInstance] = []
        var tasks: [TaskGroup] = []
        for cells in instances() {
            guard let row = InstanceRow(cells) else { continue }
            let consumer = name(row.consumer)
            if row.isServed {
                var count = counts[consumer] ?? ConsumerCount(consumer: consumer, sockets: [:], tasks: 0, groups: 0)
                count.sockets[row.socket, default: 0] += 1
                count.tasks += row.tasks
                count.groups = (count.groups ?? 0) + row.groups
                counts[consumer] = count
            }
            if row.tasks > 0 { add(row, consumer, to: &tasks) }
            if (row.isServed && row.socket != .open) || (!row.isServed && row.tasks > 0),
                rows.count < ConnectionCensus.instanceLimit
            {
                rows.append(instance(row, consumer))
            }
        }
        return (
            ConnectionCensus(
                time: now, pid: pid, grade: .exact, consumers: counts.values.sorted { $0.consumer < $1.consumer },
                instances: rows),
            TaskCensus(time: now, pid: pid, grade: .exact, groups: tasks)
        )
    }

    private mutating func instance(_ row: InstanceRow, _ consumer: String) -> ConsumerInstance {
        // What a consumer was told last is its disconnect, whatever a layer has sent it since.
        let isTold = row.disconnects > 0
        return ConsumerInstance(
            id: row.id, consumer: consumer, socket: row.socket, path: row.path == 0 ? nil : name(row.path),
            lastMessage: isTold && !row.isDispatching
                ? "websocket.disconnect" : row.lastMessage == 0 ? nil : name(row.lastMessage),
            lastMessageIsFirstDisconnect: isTold ? row.disconnects == 1 : nil, dispatching: row.isDispatching,
            progress: row.dispatches, disconnects: row.disconnects, closedAt: row.closedAt, tasks: row.tasks,
            groups: row.groups, waitingIn: row.isServed ? nil : frame(row.task), isServed: row.isServed)
    }

    /// The coroutine of the last task that an instance began: `qualified name`, file and line, one below another.
    private mutating func frame(_ number: Int) -> Frame? {
        let parts = name(number).split(separator: "\n", maxSplits: 2)
        guard parts.count == 3 else { return nil }
        return Frame(
            kind: .python, function: String(parts[0]), file: String(parts[1]), line: Int(parts[2]),
            definition: Int(parts[2]))
    }

    private mutating func add(_ row: InstanceRow, _ consumer: String, to groups: inout [TaskGroup]) {
        let frame = row.isServed ? nil : frame(row.task)
        let name = frame?.function ?? "tasks of \(consumer)"
        if let place = groups.firstIndex(where: { $0.name == name && $0.consumer == consumer }) {
            groups[place].count = groups[place].count.addingReportingOverflow(row.tasks).partialValue
        } else {
            groups.append(
                TaskGroup(
                    name: name, consumer: consumer, state: .waiting, stack: StackTrace(frame.map { [$0] } ?? []),
                    count: row.tasks))
        }
    }
}

/// One row of the table of instances.
struct InstanceRow {
    let id, connection: UInt64
    let consumer, path: Int
    let socket: SocketState
    let isServed: Bool
    let openedAt: Moment
    let closedAt: Moment?
    let dispatches: UInt64
    let isDispatching: Bool
    let disconnects, tasks, groups, lastMessage, task: Int

    /// `nil` for a connection that no class has been found for yet.
    init?(_ cells: [UInt64]) {
        guard cells.count == RingLayout.rowCells, cells[2] & 0xFFFF_FFFF != 0 else { return nil }
        // An instance is known by its address, as whoever reads the process's memory knows it.
        connection = cells[0]
        id = cells[1] != 0 ? cells[1] : connection
        consumer = Int(cells[2] & 0xFFFF_FFFF)
        path = Int(cells[2] >> 32)
        let states: [SocketState] = [.handshake, .open, .closing, .closed]
        socket = states[Int(cells[3] & 3)]
        isServed = cells[3] & 0x100 != 0
        openedAt = Moment(nanoseconds: Int64(clamping: cells[4]))
        closedAt = cells[5] == 0 ? nil : Moment(nanoseconds: Int64(clamping: cells[5]))
        // Odd while it is inside one.
        dispatches = cells[6] / 2 + cells[6] % 2
        isDispatching = cells[6] % 2 == 1
        disconnects = Int(clamping: cells[8])
        // Far more than any process has: sums of them stay small.
        tasks = Int(min(cells[9], 1 << 32))
        groups = Int(min(cells[10], 1 << 32))
        lastMessage = Int(clamping: cells[11])
        task = Int(clamping: cells[14])
    }
}

extension RingFold {
    /// The steps that a connection has behind it, as far as its row tells: whether it was accepted does not stand there, and
    /// one whose socket is open was.
    mutating func steps(of row: InstanceRow, at now: Moment) -> [Observation] {
        var steps: [(ConnectionEvent.Step, Moment)] = [(.opened, row.openedAt)]
        if row.socket == .open { steps.append((.accepted, row.openedAt)) }
        if let closed = row.closedAt { steps.append((.closed, closed)) }
        steps.append((.started, row.openedAt))
        if !row.isServed { steps.append((.ended, now)) }
        return steps.map { step, time in
            .connection(
                ConnectionEvent(
                    time: time, pid: pid, connection: row.connection, step: step, consumer: name(row.consumer),
                    path: row.path == 0 ? nil : name(row.path)))
        }
    }

    mutating func name(_ number: Int) -> String { reader.name(number) }
    mutating func instances() -> [[UInt64]] { reader.instances() }
}

extension ConnectionCensus {
    /// The same with what was read in memory at about the same time: the server, its layers, the code of each class, and
    /// where each instance waits. Counts stay the agent's own.
    public func completed(by read: ConnectionCensus) -> ConnectionCensus {
        var whole = self
        whole.server = read.server
        whole.layers = read.layers
        for index in whole.consumers.indices {
            let consumer = whole.consumers[index].consumer
            whole.consumers[index].override = read.consumers.first { $0.consumer == consumer }?.override
        }
        let known = Dictionary(read.instances.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for index in whole.instances.indices {
            guard let seen = known[whole.instances[index].id], seen.consumer == whole.instances[index].consumer else {
                continue
            }
            whole.instances[index].waitingIn = seen.waitingIn ?? whole.instances[index].waitingIn
            whole.instances[index].wait = seen.wait
            whole.instances[index].channel = seen.channel
        }
        // Consumers that only tasks keep alive which the agent did not see begin.
        let counted = Set(whole.instances.map(\.id))
        whole.instances += read.instances.filter { !$0.isServed && !counted.contains($0.id) }
        return whole
    }
}
