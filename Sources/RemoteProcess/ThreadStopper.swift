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

    /// Longest wait for a thread to stop.
    private static let timeout: Int64 = 20_000_000

    /// A stopper of `tid`. Nothing is done yet.
    public init(tid: Int32) { self.tid = tid }

    deinit { release() }

    /// Stops the thread.
    public func stop() -> Outcome {
        guard !isStopped else { return .stopped }
        let result = ls_stop_thread(tid, isAwaited ? 1 : 0, Self.timeout, &signal)
        isAwaited = result == -ETIMEDOUT
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

    /// Lets it go on. Does nothing when it is not stopped.
    public func release() {
        guard isStopped else { return }
        isStopped = false
        _ = ls_release_thread(tid, signal)
    }
}
