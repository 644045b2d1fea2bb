import Clocks
import NIOCore
public import Observations

/// Who is alive on one loop.
public struct LoopCensus: Sendable {
    /// The loop's id.
    public var loop: String
    /// A row per instance.
    public var instances: [Row]

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
            LoopCensus(loop: id, instances: liveInstances.compactMap(\.row))
        }.get()
    }

    /// Hands over the window under way. From any thread.
    public func flushNow() async {
        try? await loop.submit { [self] in
            handOverLatest()
            flush(at: Moment.now())
        }.get()
    }
}

extension InstanceMeter {
    /// How a census tells it; `nil` while no consumer serves it, and when nothing is left of it.
    var row: LoopCensus.Row? {
        let tasks = self.tasks
        guard let classMeter, !hasEnded || !tasks.isEmpty else { return nil }
        // What keeps an instance alive that nothing serves any more: the tasks that it started.
        let keeper = hasEnded ? starter : nil
        let instance = ConsumerInstance(
            id: connection, consumer: classMeter.consumer, socket: socket, path: path, lastMessage: lastMessage,
            lastMessageIsFirstDisconnect: lastIsFirstDisconnect, dispatching: isDispatching, progress: dispatches,
            disconnects: disconnects, closedAt: closedAt, tasks: tasks.values.reduce(0, +), groups: groups,
            waitingIn: keeper?.frame(in: classMeter.consumer),
            channel: channel, isServed: !hasEnded)
        return LoopCensus.Row(instance: instance, tasks: tasks)
    }
}

extension LoopInstrument {
    /// Ends the heartbeat and hands over what is left. From any thread.
    package func stopNow() async { try? await loop.submit { [self] in stop() }.get() }
}
