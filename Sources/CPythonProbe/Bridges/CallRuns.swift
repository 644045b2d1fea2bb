import Observations
import Synchronization

/// Since when each thread has been seen inside calls of a sync bridge, sample after sample.
///
/// Written by the sampling thread, read by the one that takes censuses. Two calls of one function that follow each other
/// without a sample between them are one run: a run is never shorter than the call, and a thread that hops in and out has
/// short ones.
final class CallRuns: Sendable {
    private let starts = Mutex<[Int32: Moment]>([:])

    /// Notes that a thread was seen in a call, or outside.
    func note(_ tid: Int32, isInside: Bool, at now: Moment) {
        starts.withLock { starts in
            if !isInside {
                starts[tid] = nil
            } else if starts[tid] == nil {
                starts[tid] = now
            }
        }
    }

    /// Since when a thread has been inside; `nil` when it was not seen there, or left since.
    func start(of tid: Int32) -> Moment? { starts.withLock { $0[tid] } }
}

extension StackTrace {
    /// Whether the thread runs a call of `sync_to_async` (asgiref/sync.py `SyncToAsync.thread_handler`).
    var isBridgeCall: Bool {
        frames.contains { frame in
            frame.file?.hasSuffix("asgiref/sync.py") == true && frame.function.hasSuffix("thread_handler")
        }
    }
}
