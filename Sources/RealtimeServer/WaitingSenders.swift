import NIOCore

/// Those who have sent more than a client has read, and wait until there is room again. On the loop's thread only.
struct WaitingSenders {
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    mutating func append(_ sender: UnsafeContinuation<Void, Never>) { waiting.append(sender) }

    /// There is room, or nobody is left to make any.
    mutating func resume() {
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume() }
    }
}

extension EventLoop {
    /// Suspends until `body`, which gets the continuation on the loop's thread, or somebody it was left with, resumes it. From any
    /// thread: a task of the application's own waits like the consumer itself.
    func suspend(_ body: @escaping @Sendable (UnsafeContinuation<Void, Never>) -> Void) async {
        await withUnsafeContinuation { continuation in
            if inEventLoop { return body(continuation) }
            // A loop that has ended takes nothing, and nobody waits for it.
            submit { body(continuation) }.whenFailure { _ in continuation.resume() }
        }
    }
}
