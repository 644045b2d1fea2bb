import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// Reads the facts of one task after the other: its state, its chain, and the few locals that tell a stuck consumer
/// (design §7), nothing else of the user's data.
///
/// Keeps what it has concluded of types. One thread.
final class TaskExaminer {
    /// Most locals of a task's outermost coroutine that are asked whether they are a consumer.
    private static let localLimit = 8
    /// Most tasks of a dispatch loop: it has one for each of its callables.
    private static let receiveLimit = 64

    let chains: ChainTable
    private let memory: ProcessMemory
    private let sources: TargetSources
    /// Whether a type derives from Channels' consumers.
    private var consumerTypes: [RemoteAddress: Bool] = [:]
    private var connectionTypes: [RemoteAddress: ServerKnowledge?] = [:]
    /// Whether the facts read last were read from the process itself, as it is all the time anew.
    private(set) var hasReadLive = false

    init(_ process: PythonProcess, _ sources: TargetSources) {
        memory = process.memory
        self.sources = sources
        chains = ChainTable(sources)
    }

    /// Forgets what was concluded: types or code objects are not what they were.
    func forget() {
        consumerTypes.removeAll()
        connectionTypes.removeAll()
        chains.removeAll()
    }

    /// The facts of a task.
    func facts(of walked: WalkedTask, _ reader: ObjectReader) throws(RemoteReadError) -> TaskFacts {
        let (task, chain) = (walked.task, walked.chain)
        hasReadLive = false
        // What a task in motion shows of the rest may be gone while it is read: what is certain is kept.
        let isPending = task.state == .pending
        let channel = isPending ? try? channel(of: chain, reader) : nil
        let receives = chain.links.first.map { $0.frame.code.role.contains(.layerReceive) } ?? false
        // A consumer's task of its own for each receive serves none; anybody else may receive too.
        let consumer = isPending && !receives ? try? self.consumer(of: chain, reader) : nil
        let owners = isPending && consumer == nil ? try? self.owners(of: chain, reader) : nil
        return TaskFacts(
            task: task, state: state(of: task, chain), chain: try chains.number(of: chain, reader),
            awaited: (try? awaited(by: chain, reader))??.address ?? 0, consumer: consumer,
            owners: owners ?? ([], false), channel: channel,
            server: isPending ? (try? reader.server(of: chain)) ?? nil : nil,
            bridge: (try? reader.bridgeWait(of: chain, chains)) ?? nil)
    }

    private func state(of task: PythonTask, _ chain: CoroutineChain) -> TaskGroup.State {
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

    private func channel(of chain: CoroutineChain, _ reader: ObjectReader) throws(RemoteReadError) -> ChannelSighting? {
        guard let link = chain.links.first(where: { $0.frame.code.role.contains(.layerReceive) }) else { return nil }
        let object = try reader.local("channel", of: link.frame)
        return try reader.string(object, limit: 256).map { ChannelSighting(object: object, name: $0) }
    }

    // MARK: The consumer it serves

    private func consumer(of chain: CoroutineChain, _ reader: ObjectReader) throws(RemoteReadError) -> ConsumerFacts? {
        guard let sighting = try reader.consumer(of: chain) else { return nil }
        var row = ConsumerInstance(id: sighting.instance, consumer: "", socket: .unknown)
        let found = try connection(of: chain, reader)
        if let (connection, server) = found { row.socket = try server.socket(reader, connection) }
        let channel = try readAttributes(of: sighting.instance, into: &row, reader)
        var (receives, receiveList): ([RemoteAddress], RemoteAddress) = ([], 0)
        if let loop = sighting.loop {
            // Of a connection that is open nothing more is asked than whose its tasks are.
            if row.socket != .open, let message = try lastMessage(of: loop, reader) {
                row.lastMessage = message.type
                if message.type == "websocket.disconnect", found?.1.marksFirstDisconnect == true {
                    row.lastMessageIsFirstDisconnect = message.hasReason
                }
            }
            receiveList = try reader.local("tasks", of: loop)
            receives = try reader.list(receiveList, limit: Self.receiveLimit) ?? []
            row.progress = receives.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01B3 }
            row.dispatching = dispatching(sighting, chain)
        }
        if row.socket != .open { try readWait(of: chain.links, into: &row, reader) }
        return ConsumerFacts(
            row: row, type: sighting.type.address, connection: found?.0 ?? 0, server: found?.1, channel: channel,
            receives: receives, receiveList: receiveList)
    }

    private func connection(
        of chain: CoroutineChain, _ reader: ObjectReader
    ) throws(RemoteReadError) -> (RemoteAddress, ServerKnowledge)? {
        try reader.connection(of: chain) { (type) throws(RemoteReadError) in
            if let known = connectionTypes[type.address] { return known }
            let found = ServerKnowledge.all[try reader.qualifiedName(type)]
            connectionTypes[type.address] = .some(found)
            return found
        }
    }

    /// Channel name, path and no other attribute of the instance.
    ///
    /// - Returns: the object that is the channel's name; 0 when it has none.
    func readAttributes(
        of instance: RemoteAddress, into row: inout ConsumerInstance, _ reader: ObjectReader
    ) throws(RemoteReadError) -> RemoteAddress {
        var channel: RemoteAddress = 0
        for entry in try reader.attributes(instance) {
            if try reader.isString(entry.key, equalTo: "channel_name") {
                row.channel = try reader.string(entry.value, limit: 256)
                channel = entry.value
            } else if try reader.isString(entry.key, equalTo: "scope"),
                let path = try reader.value("path", in: entry.value)
            {
                row.path = try reader.string(path, limit: 512)
            }
        }
        return channel
    }

    /// The last message. A dispatch loop that spins replaces it thousands of times a second, so what matters is read
    /// again from the process, until the frame shows the same message before and after.
    private func lastMessage(of loop: PythonFrame, _ reader: ObjectReader) throws(RemoteReadError) -> LastMessage? {
        let first = try? reader.lastMessage(of: loop)
        guard first == nil || first?.type == "websocket.disconnect" else { return first }
        hasReadLive = true
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

    /// Inside `asyncio.wait` it waits for messages; in anything else it handles one.
    private func dispatching(_ sighting: ConsumerSighting, _ chain: CoroutineChain) -> Bool? {
        guard let next = sighting.inner.first?.frame.code else { return chain.isExecuting ? nil : false }
        return !next.role.contains(.wait)
    }

    /// Where it waits: the innermost frame that is the application's own; and what could end the wait.
    func readWait(
        of links: [CoroutineChain.Link], into row: inout ConsumerInstance, _ reader: ObjectReader
    ) throws(RemoteReadError) {
        guard let place = links.lastIndex(where: { $0.frame.code.isApplication }) else { return }
        row.waitingIn = try chains.frame(links[place], reader)
        row.wait = try reader.wait(of: links[place...])
    }

    // MARK: The consumer it works for without serving it

    /// The objects whose methods it runs, or that it was handed, up to the first that is a consumer.
    private func owners(
        of chain: CoroutineChain, _ reader: ObjectReader
    ) throws(RemoteReadError) -> (objects: [RemoteAddress], isLastConsumer: Bool) {
        var owners: [RemoteAddress] = []
        for (index, link) in chain.links.enumerated() {
            let names = link.frame.code.localNames
            let isOutermost = index == 0 && link.frame.code.isApplication
            for name in names.prefix(isOutermost ? Self.localLimit : 1) where isOutermost || name == "self" {
                let object = try reader.local(name, of: link.frame)
                guard object != 0, object & 7 == 0, let type = try reader.type(of: object), type.isHeapType else {
                    continue
                }
                owners.append(object)
                if try isConsumer(type, reader) { return (owners, true) }
            }
        }
        return (owners, false)
    }

    /// Whether a class is a Channels consumer: it derives from the base of all of them.
    private func isConsumer(_ type: TypeInfo, _ reader: ObjectReader) throws(RemoteReadError) -> Bool {
        if let answer = consumerTypes[type.address] { return answer }
        var answer = false
        for base in try reader.mro(type) where base.name == "AsyncConsumer" {
            if try reader.module(of: base) == "channels.consumer" { answer = true }
        }
        consumerTypes[type.address] = answer
        return answer
    }
}
