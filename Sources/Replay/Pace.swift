import Clocks
import NIOCore
import Observations
import Synchronization

extension EventLoop {
    /// Waits until a moment, on this loop's timer: to the kernel's microseconds, where the default clock is free to be late.
    ///
    /// - Throws: `CancellationError`.
    func wait(until moment: Moment) async throws {
        try Task.checkCancellation()
        guard moment > .now() else { return }
        let alarm = Alarm()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { alarm.set(to: moment, on: self, $0) }
        } onCancel: {
            alarm.cancel()
        }
    }
}

/// One wait. Thousands of clients that idle have nothing but this: a callback of the loop's, without the promise and the future of a scheduled
/// task.
private final class Alarm: NIOScheduledCallbackHandler, Sendable {
    private enum State {
        case unset
        case set(UnsafeContinuation<Void, any Error>, NIOScheduledCallback?)
        case over
    }

    private let state = Mutex(State.unset)

    /// Has a task woken at a moment, or at once when it was cancelled before.
    func set(to moment: Moment, on loop: any EventLoop, _ continuation: UnsafeContinuation<Void, any Error>) {
        let isCancelled = state.withLock { state in
            guard case .unset = state else { return true }
            state = .set(continuation, nil)
            return false
        }
        guard !isCancelled else { return continuation.resume(throwing: CancellationError()) }
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: moment.nanoseconds))
        do {
            let callback = try loop.scheduleCallback(at: deadline, handler: self)
            let isOver = state.withLock { state in
                guard case .set(let continuation, nil) = state else { return true }
                state = .set(continuation, callback)
                return false
            }
            if isOver { callback.cancel() }
        } catch {
            // The loop has been shut down.
            finish()?.resume(throwing: CancellationError())
        }
    }

    /// The task that waits is cancelled, or will be before it does.
    func cancel() {
        let callback = state.withLock { state in
            if case .set(_, let callback) = state { callback } else { nil as NIOScheduledCallback? }
        }
        let waiting = finish()
        // The loop tells of it while it holds its own lock, which waking a task that runs on it needs as well: there is nobody to wake then.
        callback?.cancel()
        waiting?.resume(throwing: CancellationError())
    }

    func handleScheduledCallback(eventLoop: some EventLoop) { finish()?.resume() }

    /// Whoever waits, the first time this is asked.
    private func finish() -> UnsafeContinuation<Void, any Error>? {
        state.withLock { state in
            defer { state = .over }
            if case .set(let continuation, _) = state { return continuation }
            return nil
        }
    }
}
