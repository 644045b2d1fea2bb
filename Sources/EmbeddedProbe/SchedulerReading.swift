import Observations

/// What the kernel's scheduler gave a thread, at one instant (/proc/PID/task/TID/schedstat and stat).
///
/// It tells a loop that is kept from beating by its own work from one that gets no CPU on a busy machine: both miss
/// their heartbeats, and only the first is blocked.
struct SchedulerReading: Sendable {
    /// CPU time since the thread's start.
    var cpu: Nanoseconds
    /// Time it was ready and had to wait; a wait under way is not in it yet.
    var waited: Nanoseconds
    /// Whether it is on a CPU or waiting for one.
    var isRunnable: Bool

    /// A reading with these values.
    init(cpu: Nanoseconds, waited: Nanoseconds, isRunnable: Bool) {
        self.cpu = cpu
        self.waited = waited
        self.isRunnable = isRunnable
    }

    /// How much of `late`, the time since `earlier`, the thread spent in what it was doing: computing or asleep in a
    /// call, but not waiting for a CPU. Of a thread that is runnable only the computing is certain.
    func occupied(since earlier: SchedulerReading, of late: Nanoseconds) -> Nanoseconds {
        let time = isRunnable ? cpu - earlier.cpu : late - (waited - earlier.waited)
        return max(.zero, min(late, time))
    }
}
