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
        /// What is counted as its tasks while it lives: the same array for every instance of an application.
        let own: [String]
        /// Those that it started.
        let started: [TaskOrigin: Int]

        /// Its tasks by name: put together by who asks, off the loop.
        public var tasks: [String: Int] {
            let names = own.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            return started.reduce(into: names) { $0[$1.key.name, default: 0] += $1.value }
        }
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
        guard let classMeter, !hasEnded || !started.isEmpty else { return nil }
        // What keeps an instance alive that nothing serves any more: the tasks that it started.
        let keeper = hasEnded ? starter : nil
        let instance = ConsumerInstance(
            id: connection, consumer: classMeter.consumer, socket: socket, path: path, lastMessage: lastMessage,
            lastMessageIsFirstDisconnect: lastIsFirstDisconnect, dispatching: isDispatching, progress: dispatches,
            disconnects: disconnects, closedAt: closedAt, tasks: started.values.reduce(own.count, +), groups: groups,
            waitingIn: keeper?.frame(in: classMeter.consumer),
            channel: channel, isServed: !hasEnded)
        return LoopCensus.Row(instance: instance, own: own, started: started)
    }
}

extension LoopInstrument {
    /// Ends the heartbeat and hands over what is left. From any thread.
    package func stopNow() async { try? await loop.submit { [self] in stop() }.get() }
}
