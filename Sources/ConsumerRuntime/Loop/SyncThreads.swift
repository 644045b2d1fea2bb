import NIOCore
import NIOPosix

/// The threads that synchronous consumers run on, away from the loops.
///
/// Channels runs all synchronous code of a process on one thread unless told otherwise (asgiref 3.13, asgiref/sync.py
/// `thread_sensitive`), where one `time.sleep` holds up every other consumer. Here a consumer's own messages come one after the
/// other, and different consumers run side by side.
public final class SyncThreads: Sendable {
    private let pool: NIOThreadPool

    /// So many threads. They live as long as the process.
    public init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: max(1, count))
        pool.start()
    }

    /// As many as Python's executor has: four more than processors, at most 32.
    public static let shared = SyncThreads(count: min(32, System.coreCount + 4))

    /// One thread for everything, as `thread_sensitive` has it.
    public static let one = SyncThreads(count: 1)

    /// Runs `body` on a thread; the caller suspends until it is done.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await pool.runIfActive(body)
    }
}
