public import Observations
public import Statistics

/// What one event loop did over the whole session.
public struct LoopSummary: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The loop's id.
    public var loop: String
    /// The thread that runs it.
    public var thread: String
    /// How the numbers were obtained.
    public var grade: Grade
    /// Ticks a second; `nil` when they could not be counted.
    public var ticksPerSecond: Double?
    /// Share of the time not spent waiting for events; of one core.
    public var busyPercent: Double?
    /// Share of one core that its thread took.
    public var cpuPercent: Double?
    /// How long its ticks took.
    public var ticks: DurationHistogram
    /// The latest heartbeat.
    public var heartbeatLag: Nanoseconds?
    /// Most handles ready in a tick.
    public var readyHandles: Int?
    /// Timers at the end.
    public var timers: Int?

    /// Busy by whichever account says more: a handler that blocks is hidden from ticks but not from the CPU or the heartbeat.
    public var loadPercent: Double? {
        guard busyPercent != nil || cpuPercent != nil else { return nil }
        return max(busyPercent ?? 0, cpuPercent ?? 0)
    }

    /// Sums up the windows of each loop, busiest loop first.
    public static func summaries(of windows: [LoopWindow]) -> [LoopSummary] {
        var sums: [Key: Sum] = [:]
        var order: [Key] = []
        for window in windows {
            let key = Key(pid: window.pid, loop: window.loop)
            if sums[key] == nil { order.append(key) }
            sums[key, default: Sum(thread: window.thread, grade: window.grade)].add(window)
        }
        return order.compactMap { key in sums[key]?.summary(key) }
            .sorted { ($0.loadPercent ?? 0) > ($1.loadPercent ?? 0) }
    }

    private struct Key: Hashable {
        let pid: Int32
        let loop: String
    }

    private struct Sum {
        var thread: String
        var grade: Grade
        var length = Nanoseconds.zero
        var ticks: Int?
        var busy: Nanoseconds?
        var cpu: Nanoseconds?
        var histogram = DurationHistogram()
        var lag: Nanoseconds?
        var ready: Int?
        var timers: Int?

        mutating func add(_ window: LoopWindow) {
            length = length + window.length
            grade = min(grade, window.grade)
            if let more = window.ticks { ticks = (ticks ?? 0) + more }
            if let more = window.busy { busy = (busy ?? .zero) + more }
            if let more = window.threadCPU { cpu = (cpu ?? .zero) + more }
            histogram.merge(window.tickDurations)
            if let late = window.heartbeatLag { lag = max(lag ?? .zero, late) }
            if let most = window.readyHandles { ready = max(ready ?? 0, most) }
            timers = window.timers ?? timers
        }

        func summary(_ key: Key) -> LoopSummary {
            let seconds = max(length.seconds, 1e-9)
            return LoopSummary(
                pid: key.pid, loop: key.loop, thread: thread, grade: grade,
                ticksPerSecond: ticks.map { Double($0) / seconds },
                busyPercent: busy.map { $0.seconds / seconds * 100 },
                cpuPercent: cpu.map { $0.seconds / seconds * 100 }, ticks: histogram, heartbeatLag: lag,
                readyHandles: ready, timers: timers)
        }
    }
}
