import Observations
import Synchronization

/// Since when each thread has been seen inside calls of a sync bridge, sample after sample.
///
/// Written by the sampling thread, read by the one that takes censuses. Two calls of one function that follow each other
/// without a sample between them are one run: a run is never shorter than the call, and a thread that hops in and out has
/// short ones. Where nobody looked for a while, as on a machine with no processor to spare, a new run begins.
final class CallRuns: Sendable {
    /// Looks come each 10 ms; between two that are further apart than this a thread may have been anywhere.
    static let gap = Nanoseconds.milliseconds(100)

    private struct Run {
        var start: Moment
        var last: Moment
    }

    private let runs = Mutex<[Int32: Run]>([:])

    /// Notes that a thread was seen in a call, or outside.
    func note(_ tid: Int32, isInside: Bool, at now: Moment) {
        runs.withLock { runs in
            guard isInside else { return runs[tid] = nil }
            let isOne = runs[tid].map { now - $0.last <= Self.gap } ?? false
            runs[tid] = Run(start: isOne ? runs[tid]?.start ?? now : now, last: now)
        }
    }

    /// Since when a thread has been inside; `nil` when it was not seen there, or left since.
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
