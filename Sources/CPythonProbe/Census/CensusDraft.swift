import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import TargetMemory

/// A census while it is being taken: puts the facts of all tasks together, and counts those that are alike.
struct CensusDraft {
    /// A consumer instance, and what only the other tasks or its server tell of it.
    private struct Instance {
        var facts: ConsumerFacts
        var closedAt: Moment?
        var tasks = 0
    }

    /// What makes tasks alike.
    private struct Likeness: Hashable {
        var state: TaskGroup.State
        var awaited: RemoteAddress
        var owner: RemoteAddress
        var chain: Int
    }

    private let process: PythonProcess
    private let clock: CensusClock
    private var instances: [Instance] = []
    private var places: [RemoteAddress: Int] = [:]
    var classes: [RemoteAddress: ConsumerClass] = [:]
    private var live = LiveChannels()
    private var server: ServerState?
    private var disconnections: [RemoteAddress: Double]?
    /// The place of the consumer that each receiving task belongs to.
    private var ownerByTask: [RemoteAddress: Int] = [:]
    private var groups: [Likeness: Int] = [:]
    private var tasks: [TaskGroup] = []
    private var bridges: BridgeDraft
    private var typeNames: [RemoteAddress: String] = [:]
    private var implementations: Set<String> = []
    private var loops: [RemoteAddress: String] = [:]
    private var lastLoop: RemoteAddress = 0
    /// The group of each task, where it is asked who waits for whom.
    private var groupByTask: [RemoteAddress: Int]?

    /// An empty draft; `asksForAwaited`: also who waits for whom, which takes as long again.
    init(_ process: PythonProcess, sources: TargetSources, clock: CensusClock, asksForAwaited: Bool = false) {
        self.process = process
        self.clock = clock
        groupByTask = asksForAwaited ? [:] : nil
        bridges = BridgeDraft(sources)
    }

    /// Adds all tasks: the consumers first, so that a task can be told to be one's own.
    mutating func add(
        _ facts: [TaskFacts], _ walker: TaskWalker, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) {
        for task in facts {
            if let server = task.server { note(server) }
            if let channel = task.channel { live.insert(channel.object, channel.name) }
            // What moved on while it was looked at is passed over.
            if let consumer = task.consumer { try? add(consumer, reader, &known, walker.codes) }
        }
        for task in facts { count(task, walker, reader, &known) }
        if let groupByTask { noteAwaited(facts, groupByTask, walker, reader) }
    }

    /// Counts, between groups, who waits for whom. A task that moved on meanwhile waits for nobody.
    private mutating func noteAwaited(
        _ facts: [TaskFacts], _ groupByTask: [RemoteAddress: Int], _ walker: TaskWalker, _ reader: ObjectReader
    ) {
        var counts = [[Int: AwaitedTasks]](repeating: [:], count: tasks.count)
        let all = Dictionary(facts.map { ($0.task.address, $0.task) }, uniquingKeysWith: { first, _ in first })
        for facts in facts {
            guard let group = groupByTask[facts.task.address], let chain = try? walker.chain(of: facts.task),
                let awaited = try? reader.tasksAwaited(by: facts.task, chain)
            else { continue }
            for task in awaited {
                guard let inner = groupByTask[task] else { continue }
                counts[group][inner, default: AwaitedTasks(group: inner, count: 0, example: all[task]?.name)].count += 1
            }
        }
        for (group, counts) in counts.enumerated() {
            tasks[group].awaits = counts.values.sorted { $0.group < $1.group }
        }
    }

    private mutating func note(_ found: ServerState) {
        guard server?.isStopping == nil else { return }
        var state = found
        // What its connections said of it stays.
        state.implementation = server?.implementation
        (state.handshake, state.patience) = (server?.handshake, server?.patience)
        state.grace = state.grace ?? server?.grace
        server = state
    }

    private mutating func add(
        _ consumer: ConsumerFacts, _ reader: ObjectReader, _ known: inout ConsumerClasses, _ codes: CodeTable
    ) throws(RemoteReadError) {
        _ = try kind(of: consumer.type, reader, &known, codes)
        var closedAt: Moment?
        if let server = consumer.server {
            implementations.insert(server.implementation ?? server.package)
            try note(server, consumer.connection, reader)
            if consumer.row.socket == .closed { closedAt = closing(of: consumer.connection, server, reader) }
        }
        take(consumer, closedAt: closedAt)
        for task in consumer.receives { ownerByTask[task] = places[consumer.row.id] }
    }

    /// Takes a consumer in.
    mutating func take(_ facts: ConsumerFacts, closedAt: Moment? = nil) {
        if let channel = facts.row.channel { live.insert(facts.channel, channel) }
        let instance = Instance(facts: facts, closedAt: closedAt)
        if let place = places[facts.row.id] {
            instances[place] = instance
        } else {
            places[facts.row.id] = instances.count
            instances.append(instance)
        }
    }

    /// Whether a consumer was seen at this address.
    func isKnown(_ object: RemoteAddress) -> Bool { places[object] != nil }

    private mutating func kind(
        of type: RemoteAddress, _ reader: ObjectReader, _ known: inout ConsumerClasses, _ codes: CodeTable
    ) throws(RemoteReadError) -> ConsumerClass {
        if let kind = classes[type] { return kind }
        guard let info = try reader.type(at: type) else { throw .unmapped(address: type, count: 8) }
        let kind = try known.read(info, reader, codes)
        classes[type] = kind
        return kind
    }

    /// Counts a task with those alike. What cannot be read besides is left out: that there is a task is certain.
    private mutating func count(
        _ facts: TaskFacts, _ walker: TaskWalker, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) {
        let task = facts.task
        if task.loop != 0, task.loop != lastLoop, loops[task.loop] == nil {
            loops[task.loop] = try? reader.type(of: task.loop).flatMap { (type) throws(RemoteReadError) in
                try name(of: type.address, reader)
            }
        }
        lastLoop = task.loop
        let served = facts.consumer.flatMap { places[$0.row.id] }
        if let bridge = facts.bridge {
            bridges.note(bridge, consumer: served.flatMap { classes[instances[$0].facts.type]?.name })
        }
        var owner = served ?? ownerByTask[task.address]
        if owner == nil, !facts.owners.isEmpty {
            let object = try? self.owner(of: facts, walker, reader, &known)
            owner = object.flatMap { $0 }.flatMap { places[$0] }
        }
        if let owner { instances[owner].tasks += 1 }
        let ownerType = owner.map { instances[$0].facts.type } ?? 0
        let likeness = Likeness(state: facts.state, awaited: facts.awaited, owner: ownerType, chain: facts.chain)
        groupByTask?[task.address] = groups[likeness] ?? tasks.count
        if let place = groups[likeness] {
            tasks[place].count += 1
            tasks[place].note(number: task.number)
            return
        }
        groups[likeness] = tasks.count
        let stack = walker.examiner.chains.stacks[facts.chain]
        tasks.append(
            TaskGroup(
                name: stack.frames.first?.function ?? task.name, consumer: classes[ownerType]?.name, state: facts.state,
                waitsFor: facts.awaited == 0 ? nil : try? name(of: facts.awaited, reader), stack: stack,
                example: task.name, numbers: task.number.map { $0...$0 }))
    }

    /// The finished census.
    func census(_ walker: TaskWalker, _ reader: ObjectReader, _ runs: CallRuns?) -> Census {
        let (now, pid) = (clock.now, process.pid)
        var counts: [RemoteAddress: ConsumerCount] = [:]
        for instance in instances {
            let facts = instance.facts
            if counts[facts.type] == nil {
                let kind = classes[facts.type]
                counts[facts.type] = ConsumerCount(
                    consumer: kind?.name ?? "", override: kind?.override, sockets: [:], tasks: 0)
            }
            counts[facts.type]?.sockets[facts.row.socket, default: 0] += 1
            counts[facts.type]?.tasks += instance.tasks
        }
        let rows = instances.filter { $0.facts.row.socket != .open }.map(row).sorted { $0.id < $1.id }
        var census = Census(
            tasks: TaskCensus(time: now, pid: pid, grade: .read, groups: tasks),
            connections: ConnectionCensus(
                time: now, pid: pid, grade: .read, consumers: counts.values.sorted { $0.consumer < $1.consumer },
                instances: Self.listed(rows), server: server,
                layers: (try? reader.layers(interpreter: process.mainInterpreter, live)) ?? []),
            implementations: implementations,
            bridges: bridges.isEmpty ? nil : bridges.census(at: now, of: process, walker.codes, runs), loops: loops)
        for row in census.connections.instances where row.lastMessage == "websocket.disconnect" {
            census.receiveLists[row.id] = places[row.id].map { instances[$0].facts.receiveList }
        }
        return census
    }

    private func row(of instance: Instance) -> ConsumerInstance {
        var row = instance.facts.row
        row.consumer = classes[instance.facts.type]?.name ?? ""
        row.closedAt = instance.closedAt
        row.tasks = instance.tasks
        return row
    }

    /// As many rows as a census lists, each class having its share.
    private static func listed(_ rows: [ConsumerInstance]) -> [ConsumerInstance] {
        let limit = ConnectionCensus.instanceLimit
        guard rows.count > limit else { return rows }
        let byClass = Dictionary(grouping: rows, by: \.consumer)
        let share = max(1, limit / byClass.count)
        let fair = byClass.values.flatMap { $0.prefix(share) }.sorted { $0.id < $1.id }
        return Array(fair.prefix(limit))
    }

    // MARK: What the server says

    /// What the server's configuration says of all its connections, asked once.
    private mutating func note(
        _ knowledge: ServerKnowledge, _ connection: RemoteAddress, _ reader: ObjectReader
    ) throws(RemoteReadError) {
        if server?.handshake != nil { return }
        let rules = try knowledge.rules(reader, connection)
        var state = server ?? ServerState(package: knowledge.package)
        state.implementation = knowledge.implementation
        state.handshake = rules.handshake
        state.patience = rules.patience
        state.grace = state.grace ?? rules.grace
        server = state
    }

    /// When the server noticed that a connection had gone, where it keeps that.
    private mutating func closing(
        of connection: RemoteAddress, _ knowledge: ServerKnowledge, _ reader: ObjectReader
    ) -> Moment? {
        if disconnections == nil { disconnections = (try? knowledge.disconnections(reader, connection)) ?? [:] }
        return disconnections?[connection].map { clock.moment(ofWallClock: $0) }
    }

    private mutating func name(of type: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> String {
        if let name = typeNames[type] { return name }
        guard let info = try reader.type(at: type) else { throw .unmapped(address: type, count: 8) }
        let name = try reader.qualifiedName(info)
        typeNames[type] = name
        return name
    }
}
