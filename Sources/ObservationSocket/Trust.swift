import Observations
import Statistics

/// What is believed of a process that says something about itself.
///
/// It may lie: kinds that it cannot observe, numbers that would overflow a sum, times that have not come yet, another
/// process's name. The pid is that of the process that was attached to, whatever it calls itself (in a container, another).
struct Trust {
    let pid: Int32
    let now: Moment

    /// Largest count that is believed: a billion sums of it fit into 64 bits.
    private static let most = 1 << 33

    /// The observation, as it is recorded; `nil` when it is not believed.
    func believed(_ observation: Observation) -> Observation? {
        guard let time = observation.time, time.nanoseconds >= 0, time <= now + .seconds(60) else { return nil }
        switch observation {
        case .loop(var value):
            value.pid = pid
            let counts = [value.ticks, value.readyHandles, value.timers]
            let times = [value.length, value.busy, value.threadCPU, value.heartbeatLag]
            return fit(counts) && fit(times) && fit(value.tickDurations) ? .loop(value) : nil
        case .block(var value):
            value.pid = pid
            return fit([value.length]) ? .block(value) : nil
        case .dispatches(var value):
            value.pid = pid
            let counts = value.outcomes.values.map { $0 } + [value.afterDisconnect]
            return fit(counts) && fit([value.length, value.busy]) && fit(value.durations) ? .dispatches(value) : nil
        case .dispatch(var value):
            value.pid = pid
            return fit([value.duration]) ? .dispatch(value) : nil
        case .stack(var value):
            value.pid = pid
            return fit([value.count]) && fit([value.weight]) ? .stack(value) : nil
        case .swallowed(var value):
            value.pid = pid
            return .swallowed(value)
        case .connection(var value):
            value.pid = pid
            return .connection(value)
        case .consumer(var value):
            value.pid = pid
            let counts = [
                value.tasksStarted, value.tasksEnded, value.groupsJoined, value.groupsLeft, value.disconnectsDelivered,
            ]
            return fit(counts) && fit([value.length]) ? .consumer(value) : nil
        case .connections(var value):
            value.pid = pid
            let counts = value.consumers.flatMap { $0.sockets.values.map { $0 } + [$0.tasks, $0.groups ?? 0] }
            let rows = value.instances.flatMap { [$0.tasks, $0.groups ?? 0, $0.disconnects ?? 0] }
            let layers = value.layers.flatMap { layer in
                [layer.members ?? 0, layer.stale ?? 0] + layer.groups.flatMap { [$0.members, $0.stale] }
            }
            guard value.instances.count <= ConnectionCensus.instanceLimit, fit(layers) else { return nil }
            return fit(counts) && fit(rows) ? .connections(value) : nil
        case .tasks(var value):
            value.pid = pid
            return fit(value.groups.map(\.count)) ? .tasks(value) : nil
        case .method(var value):
            value.pid = pid
            return .method(value)
        case .layer(var value):
            value.pid = pid
            return fit([value.count]) ? .layer(value) : nil
        case .note(var value):
            value.pid = pid
            return .note(value)
        default: return nil  // a kind that such a process cannot observe of itself
        }
    }

    private func fit(_ counts: [Int?]) -> Bool { counts.allSatisfy { $0.map { (0...Self.most).contains($0) } ?? true } }
    /// A histogram has at most some 400 buckets.
    private func fit(_ durations: DurationHistogram) -> Bool { durations.counts.count <= 512 }

    /// Times up to thirty years.
    private func fit(_ times: [Nanoseconds?]) -> Bool {
        times.allSatisfy { $0.map { (Nanoseconds.zero...Nanoseconds.seconds(1_000_000_000)).contains($0) } ?? true }
    }
}
