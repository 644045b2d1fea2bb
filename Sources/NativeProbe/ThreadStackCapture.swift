import CLinux
import CUnwind
public import Observations
import Synchronization

/// Takes the stack of another thread of our own process, blocked or not: what a watchdog does when a loop has missed
/// its heartbeat.
///
/// The thread is sent a realtime signal and unwinds itself in the handler, into memory made ready beforehand; a system
/// call it is blocked in goes on afterwards (SA_RESTART; `epoll_wait` and sleeps return EINTR instead, which loops
/// bear). Names are found later, with `Symbolizer.own`, outside of the handler.
///
/// Safe on any thread; one capture at a time, the others wait.
public final class ThreadStackCapture: Sendable {
    /// The one of this process: there is one handler.
    public static let shared = ThreadStackCapture()

    /// Most frames of a stack.
    public static let maximumFrames = 512

    /// Held during a capture. Whether the handler could be installed.
    private let isInstalled: Mutex<Bool>

    private init() { isInstalled = Mutex(ls_capture_install() > 0) }

    /// Makes the calling thread one that can be captured. Each loop calls it once, on its own thread: threads started
    /// from a dispatch queue or a Swift task inherit a mask that blocks the signal.
    ///
    /// - Returns: the thread's id, to be given to `capture`.
    @discardableResult
    public func enroll() -> Int32 {
        isInstalled.withLock { _ in _ = ls_capture_admit() }
        return ls_gettid()
    }

    /// The program counters of thread `tid`, innermost first, at most `limit` (and 512).
    ///
    /// - Returns: `nil` when there is no such thread, when it did not answer within `timeout` (it was not enrolled, or
    ///   sleeps uninterruptibly), or when no signal was free for the handler.
    public func capture(
        tid: Int32, limit: Int = 128, timeout: Nanoseconds = .milliseconds(100)
    ) -> [UInt64]? {
        isInstalled.withLock { isInstalled in
            guard isInstalled else { return nil }
            var got: Int32 = 0
            let counters = [UInt64](unsafeUninitializedCapacity: Self.maximumFrames) { buffer, filled in
                got = ls_capture_thread(
                    tid, buffer.baseAddress, Int32(clamping: min(limit, Self.maximumFrames)), max(timeout.count, 0))
                filled = Int(max(got, 0))
            }
            return got > 0 ? counters : nil
        }
    }
}
