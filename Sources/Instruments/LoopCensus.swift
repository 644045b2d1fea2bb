import NIOCore
public import Observations

/// Who is alive on one loop.
public struct LoopCensus: Sendable {
    /// The loop's id.
    public var loop: String
    /// A row per instance.
    public var instances: [Row]
    /// Tasks that have outlived their instance and its connection.
    public var orphans: [Orphans]

    /// Tasks alike whose instance is gone.
    public struct Orphans: Sendable {
        /// The class of the instances.
        public var consumer: String
        /// The tasks' name.
        public var task: String
        /// How many.
        public var count: Int
    }

    /// One instance.
    public struct Row: Sendable {
        /// The instance as a census tells it.
        public var instance: ConsumerInstance
        /// Its tasks by name.
        public var tasks: [String: Int]
    }
}

extension LoopInstrument {
    /// Who is alive on this loop; connections that have not reached a consumer are left out. From any thread.
    public func census() async -> LoopCensus? {
        try? await loop.submit { [self] in
            LoopCensus(
                loop: id, instances: liveInstances.compactMap(\.row),
                orphans: orphans.map { .init(consumer: $0.key.consumer, task: $0.key.task, count: $0.value) })
        }.get()
    }

    /// Hands over the window under way. From any thread.
    public func flushNow() async {
        try? await loop.submit { [self] in
            handOverLatest()
            flush(at: Clock.now())
        }.get()
    }
}

extension InstanceMeter {
    /// How a census tells it; `nil` while no consumer serves it.
    var row: LoopCensus.Row? {
        guard let classMeter, !hasEnded else { return nil }
        let instance = ConsumerInstance(
            id: connection, consumer: classMeter.consumer, socket: socket, path: path, lastMessage: lastMessage,
            lastMessageIsFirstDisconnect: lastIsFirstDisconnect, dispatching: isDispatching, progress: dispatches,
            disconnects: disconnects, closedAt: closedAt, tasks: tasks.values.reduce(0, +), groups: groups,
            channel: channel)
        return LoopCensus.Row(instance: instance, tasks: tasks)
    }
}
