import CLinux
import Glibc

/// Stops a thread of another process for the time of a reading, by ptrace(2). Only `--blocking` does.
///
/// The thread is seized anew for each stop, so that between two it is not traced and its signals take their usual way.
/// Whatever ends us, SIGKILL too, lets it go: the kernel releases what a tracer had seized.
///
/// One thread: ptrace belongs to the one that seized.
public final class ThreadStopper {
    /// What came of stopping.
    public enum Outcome: Equatable, Sendable {
        /// It stands still until `release`.
        case stopped
        /// It did not stop in time: it sleeps where it cannot be interrupted. It is asked again the next time.
        case busy
        /// It has ended.
        case ended
        /// The kernel refuses, or another tracer has it.
        case refused
    }

    /// The thread.
    public let tid: Int32
    /// How often it was stopped.
    public private(set) var stops = 0
    private var isStopped = false
    private var isAwaited = false
    private var signal: Int32 = 0

    /// Longest wait, in nanoseconds, for a thread to stop, and how many such waits there are while it may run: on a crowded
    /// machine it stops as soon as it gets a processor.
    private static let (timeout, waits): (Int64, Int) = (20_000_000, 25)

    /// A stopper of `tid`. Nothing is done yet.
    public init(tid: Int32) { self.tid = tid }

    deinit { letGo() }

    /// Stops the thread.
    public func stop() -> Outcome {
        guard !isStopped else { return .stopped }
        var result: Int32 = 0
        for _ in 0..<Self.waits {
            result = ls_stop_thread(tid, isAwaited ? 1 : 0, Self.timeout, &signal)
            isAwaited = result == -ETIMEDOUT
            guard isAwaited, !isUninterruptible else { break }
        }
        switch -result {
        case 0:
            isStopped = true
            stops += 1
            return .stopped
        case ETIMEDOUT: return .busy
        case EPERM, EACCES: return .refused
        default: return .ended
        }
    }

    /// It sleeps where no signal reaches it (proc_pid_stat(5): D).
    private var isUninterruptible: Bool {
        guard let line = try? ProcFS().read(tid, "stat", limit: 4096) else { return true }
        return ProcStat(parsing: line)?.state == "D"
    }

    /// Lets it go on for good: a stop that was asked for and did not come in time is waited for once more, lest it come when
    /// nobody is there to end it.
    public func letGo() {
        if isAwaited { _ = stop() }
        release()
    }

    /// Lets it go on. Does nothing when it is not stopped.
    public func release() {
        guard isStopped else { return }
        isStopped = false
        _ = ls_release_thread(tid, signal)
    }
}
