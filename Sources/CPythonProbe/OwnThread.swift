import CLinux
import Glibc

/// A thread of our own, outside Swift's concurrency: sampling must not wait for a pool.
enum OwnThread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread of this name (at most 15 bytes), which is detached.
    static func run(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(
            Work {
                _ = ls_set_thread_name(name)
                body()
            })
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        guard failure == 0 else {
            // No thread to be had (EAGAIN): the work is done here, late rather than never.
            work.takeRetainedValue().body()
            return
        }
        pthread_detach(thread)
    }
}
