import Observations
import Synchronization

/// Since when each thread has been held by calls of a sync bridge that are not short, look after look.
///
/// Written by the sampling thread, read by the one that takes censuses.
final class CallRuns: Sendable {
    private let runs = Mutex<[Int32: CallRun]>([:])

    /// Notes that a thread was seen in a call, and how.
    func note(_ tid: Int32, _ look: CallRun.Look, at now: Moment) {
        runs.withLock { runs in
            guard let run = runs[tid], now - run.last <= CallRun.end else { return runs[tid] = CallRun(look, at: now) }
            runs[tid]?.add(look, at: now)
        }
    }

    /// Notes that a thread was seen outside calls.
    func noteOutside(_ tid: Int32, at now: Moment) {
        runs.withLock { runs in
            if runs[tid]?.leave(at: now) == true { runs[tid] = nil }
        }
    }

    /// Since when a thread has been held; `nil` when it was not seen in a call, or has left for good since.
    func start(of tid: Int32) -> Moment? { runs.withLock { $0[tid]?.start } }
}

extension StackTrace {
    /// Whether the thread runs a call of `sync_to_async` (asgiref/sync.py `SyncToAsync.thread_handler`).
    var isBridgeCall: Bool {
        frames.contains { frame in
            frame.file?.hasSuffix("asgiref/sync.py") == true && frame.function.hasSuffix("thread_handler")
        }
    }
}
