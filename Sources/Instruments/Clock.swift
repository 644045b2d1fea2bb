import CLinux
@preconcurrency import Glibc
public import Observations

/// The two clocks that are read.
public enum Clock {
    /// CLOCK_MONOTONIC, as every moment of an observation.
    public static func now() -> Moment { Moment(nanoseconds: read(CLOCK_MONOTONIC)) }

    /// CPU time of the calling thread.
    public static func threadCPU() -> Nanoseconds { Nanoseconds(read(CLOCK_THREAD_CPUTIME_ID)) }

    /// Seconds since 1970, UTC.
    public static func wall() -> Double { Double(read(CLOCK_REALTIME)) / 1e9 }

    /// This process.
    static var processID: Int32 { getpid() }

    /// The calling thread, as the kernel numbers it.
    package static var threadID: Int32 { ls_gettid() }

    @inline(__always)
    package static func nanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    @inline(__always)
    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
