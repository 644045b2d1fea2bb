import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import TargetMemory

/// A census while it is being taken: alike tasks are counted by the words that make them alike, and become text once.
struct CensusDraft {
    /// A consumer instance seen through its task.
    struct Instance {
        var row: ConsumerInstance
        var type: RemoteAddress
    }

    /// What makes tasks alike: state, what they wait for, consumer class, and (code, unit) of each link.
    private struct Likeness: Hashable { var words: [UInt64] }

    private let process: PythonProcess
    private var memory: ProcessMemory { process.memory }
    let codes: CodeTable
    private let sources: TargetSources
    private let clock: CensusClock
    var instances: [RemoteAddress: Instance] = [:]
    var classes: [RemoteAddress: ConsumerClass] = [:]
    /// Whether a type derives from Channels' consumers.
    var consumerTypes: [RemoteAddress: Bool] = [:]
    private var live = LiveChannels()
    private var server: ServerState?
    private var disconnections: [RemoteAddress: Double]?
    /// The consumer each task belongs to: by its place in the walk, and by its address.
    private var ownerByIndex: [Int: RemoteAddress] = [:]
    private var ownerByTask: [RemoteAddress: RemoteAddress] = [:]
    private var groups: [Likeness: Int] = [:]
    private var tasks: [TaskGroup] = []
    private var connectionTypes: [RemoteAddress: ServerKnowledge?] = [:]
    private var typeNames: [RemoteAddress: String] = [:]
    private var implementations: Set<String> = []
    private var loops: [RemoteAddress: String] = [:]

    init(_ process: PythonProcess, codes: CodeTable, sources: TargetSources, clock: CensusClock) {
        self.process = process
        self.codes = codes
        self.sources = sources
        self.clock = clock
    }

    /// Looks whether a task is the server's own, or receives from a layer; then whether it serves a consumer.
    mutating func note(
        _ walked: WalkedTask, _ index: Int, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) {
        if server?.isStopping == nil, var state = try? reader.server(of: walked.chain) {
            // What its connections said of it stays.
            state.implementation = server?.implementation
            (state.handshake, state.patience) = (server?.handshake, server?.patience)
            state.grace = state.grace ?? server?.grace
            server = state
        }
        if let place = walked.chain.links.firstIndex(where: { $0.frame.code.isLayerReceive }) {
            let channel = try reader.local("channel", of: walked.chain.links[place].frame)
            if let name = try reader.string(channel, limit: 256) { live.insert(channel, name) }
            // A consumer's task of its own for each receive; anybody else may receive too.
            if place == walked.chain.links.startIndex { return }
        }
        try noteConsumer(of: walked, index, reader, &known)
    }

    private mutating func noteConsumer(
        of walked: WalkedTask, _ index: Int, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) {
        guard let sighting = try reader.consumer(of: walked.chain) else { return }
        let kind = try known.read(sighting.type, reader, codes)
        classes[sighting.type.address] = kind
        ownerByIndex[index] = sighting.instance
        var row = ConsumerInstance(id: sighting.instance, consumer: kind.name, socket: .unknown)
        var marksFirst = false
        if let (connection, server) = try connection(of: walked.chain, reader) {
            row.socket = try server.socket(reader, connection)
            marksFirst = server.marksFirstDisconnect
            implementations.insert(server.implementation ?? server.package)
            try note(server, connection, reader)
            if row.socket == .closed { row.closedAt = closing(of: connection, server, reader) }
        }
        try readAttributes(of: sighting.instance, into: &row, reader)
        if let loop = sighting.loop {
            // Of a connection that is open nothing more is asked than whose its tasks are.
            if row.socket != .open, let message = try lastMessage(of: loop, row.socket, reader) {
                row.lastMessage = message.type
                if message.type == "websocket.disconnect", marksFirst {
                    row.lastMessageIsFirstDisconnect = message.hasReason
                }
            }
            let receives = try reader.receiveTasks(of: loop)
            for task in receives { ownerByTask[task] = sighting.instance }
            row.progress = receives.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01B3 }
            row.dispatching = dispatching(sighting, walked.chain)
        }
        if row.socket != .open { try readWait(of: walked.chain.links, into: &row, reader) }
        instances[sighting.instance] = Instance(row: row, type: sighting.type.address)
    }

    /// The class of the consumer that a task serves, by its place in the walk.
    func consumer(ofTaskAt index: Int) -> String? {
        ownerByIndex[index].flatMap { instances[$0] }.map(\.row.consumer)
    }

    /// Counts a task with those alike.
    mutating func noteTask(
        _ walked: WalkedTask, _ index: Int, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) {
        let (task, chain) = (walked.task, walked.chain)
        if loops[task.loop] == nil, task.loop != 0, let type = try reader.type(of: task.loop) {
            loops[task.loop] = try name(of: type, reader)
        }
        var owner = ownerByIndex[index] ?? ownerByTask[task.address]
        if owner == nil { owner = try self.owner(of: walked, reader, &known) }
        if let owner { instances[owner]?.row.tasks += 1 }
        let ownerType = owner.flatMap { instances[$0]?.type } ?? 0
        let state = try state(of: task, chain, reader)
        let waited = try awaited(by: chain, reader)
        var words: [UInt64] = [state.number, waited?.address ?? 0, ownerType]
        words.reserveCapacity(3 + 2 * chain.links.count)
        for link in chain.links {
            words.append(link.frame.code.address)
            words.append(UInt64(link.frame.unit))
        }
        if let place = groups[Likeness(words: words)] {
            tasks[place].count += 1
            tasks[place].note(number: task.number)
            return
        }
        let frames = try chain.links.map { (link) throws(RemoteReadError) in try frame(link, reader) }
        let waitsFor = try waited.map { (type) throws(RemoteReadError) in try name(of: type, reader) }
        // Only now that nothing can fail any more: a place without its group would be one beyond the end.
        groups[Likeness(words: words)] = tasks.count
        tasks.append(
            TaskGroup(
                name: frames.first?.function ?? task.name, consumer: classes[ownerType]?.name, state: state,
                waitsFor: waitsFor, stack: StackTrace(frames), example: task.name,
                numbers: task.number.map { $0...$0 }))
    }

    /// The finished census.
    func census(_ reader: ObjectReader) -> Census {
        let (now, pid) = (clock.now, process.pid)
        var counts: [RemoteAddress: ConsumerCount] = [:]
        for instance in instances.values {
            let kind = classes[instance.type]
            counts[
                instance.type,
                default: ConsumerCount(
                    consumer: instance.row.consumer, override: kind?.override, sockets: [:], tasks: 0)
            ].sockets[instance.row.socket, default: 0] += 1
            counts[instance.type]?.tasks += instance.row.tasks
        }
        let rows = instances.values.map(\.row).filter { $0.socket != .open }.sorted { $0.id < $1.id }
        return Census(
            tasks: TaskCensus(time: now, pid: pid, grade: .read, groups: tasks),
            connections: ConnectionCensus(
                time: now, pid: pid, grade: .read, consumers: counts.values.sorted { $0.consumer < $1.consumer },
                instances: Self.listed(rows), server: server,
                layers: (try? reader.layers(interpreter: process.mainInterpreter, live)) ?? []),
            implementations: implementations, loops: loops)
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

    // MARK: Parts of a consumer

    /// The last message. A dispatch loop that spins replaces it thousands of times a second, so what matters is read
    /// again from the process, until the frame shows the same message before and after.
    private func lastMessage(
        of loop: PythonFrame, _ socket: SocketState, _ reader: ObjectReader
    ) throws(RemoteReadError) -> LastMessage? {
        let first = try? reader.lastMessage(of: loop)
        guard first == nil || first?.type == "websocket.disconnect" else { return first }
        let direct = ObjectReader(memory, layout: reader.layout)
        for _ in 0..<16 {
            guard let before = try? direct.local("result", of: loop) else { return first }
            if before == 0 { return nil }
            guard let message = try? direct.lastMessage(of: loop), try direct.local("result", of: loop) == before else {
                continue
            }
            return message
        }
        return first
    }

    private mutating func connection(
        of chain: CoroutineChain, _ reader: ObjectReader
    ) throws(RemoteReadError) -> (RemoteAddress, ServerKnowledge)? {
        try reader.connection(of: chain) { (type) throws(RemoteReadError) in
            if let known = connectionTypes[type.address] { return known }
            let found = ServerKnowledge.all[try name(of: type, reader)]
            connectionTypes[type.address] = .some(found)
            return found
        }
    }

    /// Channel name, path and no other attribute of the instance.
    mutating func readAttributes(
        of instance: RemoteAddress, into row: inout ConsumerInstance, _ reader: ObjectReader
    ) throws(RemoteReadError) {
        for entry in try reader.attributes(instance) {
            if try reader.isString(entry.key, equalTo: "channel_name") {
                row.channel = try reader.string(entry.value, limit: 256)
                if let channel = row.channel { live.insert(entry.value, channel) }
            } else if try reader.isString(entry.key, equalTo: "scope"),
                let path = try reader.value("path", in: entry.value)
            {
                row.path = try reader.string(path, limit: 512)
            }
        }
    }

    /// Inside `asyncio.wait` it waits for messages; in anything else it handles one.
    private func dispatching(_ sighting: ConsumerSighting, _ chain: CoroutineChain) -> Bool? {
        guard let next = sighting.inner.first?.frame.code else { return chain.isExecuting ? nil : false }
        return !(next.fileName.hasSuffix("asyncio/tasks.py") && next.name == "wait")
    }

    /// Where it waits: the innermost frame that is the application's own; and what could end the wait.
    func readWait(
        of links: [CoroutineChain.Link], into row: inout ConsumerInstance, _ reader: ObjectReader
    ) throws(RemoteReadError) {
        guard let place = links.lastIndex(where: { $0.frame.code.isApplication }) else { return }
        row.waitingIn = try frame(links[place], reader)
        row.wait = try reader.wait(of: links[place...])
    }

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

    // MARK: Parts of a task

    private func state(
        of task: PythonTask, _ chain: CoroutineChain, _ reader: ObjectReader
    ) throws(RemoteReadError) -> TaskGroup.State {
        guard task.state == .pending else { return .finished }
        if chain.isExecuting { return .running }
        return task.waiter == 0 ? .ready : .waiting
    }

    /// The type of what a chain waits for: the future behind an iterator over it.
    private func awaited(by chain: CoroutineChain, _ reader: ObjectReader) throws(RemoteReadError) -> TypeInfo? {
        guard chain.waitsFor != 0, let type = try reader.type(of: chain.waitsFor) else { return nil }
        guard type.name == "_asyncio.FutureIter" else { return type }
        return try reader.future(behind: chain.waitsFor).flatMap { (future) throws(RemoteReadError) in
            try reader.type(of: future)
        } ?? type
    }

    func frame(_ link: CoroutineChain.Link, _ reader: ObjectReader) throws(RemoteReadError) -> Frame {
        Frame(
            kind: .python, function: try reader.qualifiedName(link), file: link.frame.code.fileName,
            line: link.frame.line, definition: sources.definitionLine(of: link.frame.code))
    }

    private mutating func name(of type: TypeInfo, _ reader: ObjectReader) throws(RemoteReadError) -> String {
        if let name = typeNames[type.address] { return name }
        let name = try reader.qualifiedName(type)
        typeNames[type.address] = name
        return name
    }
}

extension TaskGroup.State {
    fileprivate var number: UInt64 {
        switch self {
        case .running: 0
        case .ready: 1
        case .waiting: 2
        case .finished: 3
        }
    }
}

extension CodeObject {
    /// Whether it is a layer's `receive`: what it receives from is alive.
    fileprivate var isLayerReceive: Bool {
        name == "receive" && (fileName.hasSuffix("channels/layers.py") || fileName.contains("/channels_redis/"))
    }
}
