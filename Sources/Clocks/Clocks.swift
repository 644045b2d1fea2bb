import Glibc
public import Observations

// The one room that reads a clock. Pure rooms are given moments; whoever calls them reads them here.

extension Moment {
    /// Now, on CLOCK_MONOTONIC: the clock of every observation, and the one that asyncio's loops and NIO's deadlines read.
    public static func now() -> Moment { Moment(nanoseconds: read(CLOCK_MONOTONIC)) }

    /// Blocks the calling thread until then.
    public static func sleep(until moment: Moment) {
        var time = timespec(
            tv_sec: Int(moment.nanoseconds / 1_000_000_000), tv_nsec: Int(moment.nanoseconds % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

extension Nanoseconds {
    /// CPU time that the calling thread has used, user and system.
    public static func threadCPU() -> Nanoseconds { Nanoseconds(read(CLOCK_THREAD_CPUTIME_ID)) }

    /// CPU time that this process has used, user and system, all threads.
    public static func processCPU() -> Nanoseconds { Nanoseconds(read(CLOCK_PROCESS_CPUTIME_ID)) }
}

/// What a calendar is made from.
public enum WallClock {
    /// Seconds since 1970, UTC.
    public static func now() -> Double { Double(read(CLOCK_REALTIME)) / 1e9 }
}

/// A reading in nanoseconds. These clocks always exist, so there is no failure to report.
@inline(__always)
private func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
