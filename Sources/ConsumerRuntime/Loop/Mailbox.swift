import Instruments
import NIOCore

/// What a consumer is told: one queue for the server's messages and, when it has a channel, the layer's.
///
/// It stands for the two receive tasks that Channels keeps for each consumer (channels/utils.py `await_many_dispatch`);
/// nothing is made per message. `@unchecked Sendable`: touched on the loop's thread only.
public final class Mailbox: @unchecked Sendable {
    /// What a server answers to a receive after the connection is gone and everything has been delivered.
    public enum AfterDisconnect: Hashable, Sendable {
        /// Nothing, for ever.
        case silence
        /// Another disconnect, at once, each time; a WebSocket's with code 1005.
        case again
    }

    let executor: ConsumerExecutor
    private let kind: Scope.Kind
    private let afterDisconnect: AfterDisconnect
    private var client = CircularBuffer<Message>(initialCapacity: 1)
    /// Messages of the server that wait: as many as `client` has, which is nearly always empty, and costs more to ask.
    private(set) var backlog = 0
    private var waiter: Waiter?

    private struct Waiter {
        let continuation: UnsafeContinuation<Message, any Error>
        let wantsLayer: Bool
        /// Whether what comes is dispatched, and counted as such.
        let dispatches: Bool
    }

    private var isDisconnected = false
    private var isCancelled = false
    private var layerIsNext = false
    /// The consumer's channel, if it has one.
    var channel: LayerChannel?
    /// Called when the queue has been emptied: the server reads on.
    var onDrained: (() -> Void)?

    init(executor: ConsumerExecutor, kind: Scope.Kind = .websocket, afterDisconnect: AfterDisconnect) {
        self.executor = executor
        self.kind = kind
        self.afterDisconnect = afterDisconnect
    }

    /// Puts a message of the server in. On the loop.
    ///
    /// - Returns: the messages that wait now.
    @discardableResult
    func push(_ message: Message) -> Int {
        if message.isDisconnect { isDisconnected = true }
        guard let waiter else {
            client.append(message)
            backlog += 1
            return backlog
        }
        self.waiter = nil
        // Who waits has found the queue empty.
        resume(waiter, message)
        return 0
    }

    /// Says that the layer has something. On the loop.
    func poke() {
        guard let waiter, waiter.wantsLayer, let message = channel?.take() else { return }
        self.waiter = nil
        resume(waiter, .layer(message))
    }

    @inline(__always)
    private func resume(_ waiter: Waiter, _ message: Message) {
        if waiter.dispatches {
            executor.resume(waiter.continuation, toDispatch: message)
        } else {
            waiter.continuation.resume(returning: message)
        }
    }

    /// Ends all waiting, now and later, with `CancellationError`. On the loop.
    func cancel() {
        isCancelled = true
        let waiter = self.waiter
        self.waiter = nil
        waiter?.continuation.resume(throwing: CancellationError())
    }

    func nextFromClient() async throws -> Message {
        if let message = try take(wantsLayer: false) { return message }
        return try await withUnsafeThrowingContinuation {
            waiter = Waiter(continuation: $0, wantsLayer: false, dispatches: false)
        }
    }

    /// The next message of either side, in turns when both have some. Its dispatch has begun.
    // Inlined: an asynchronous function of its own for each wait costs as much as the wait.
    @inline(__always)
    func nextToDispatch() async throws -> Message {
        if let message = try takeToDispatch() { return message }
        return try await withUnsafeThrowingContinuation {
            waiter = Waiter(continuation: $0, wantsLayer: channel != nil, dispatches: true)
        }
    }

    private func takeToDispatch() throws -> Message? {
        guard let message = try take(wantsLayer: channel != nil) else { return nil }
        executor.dispatchBegins(message)
        return message
    }

    /// The next message, if there is one.
    private func take(wantsLayer: Bool) throws -> Message? {
        executor.home.loop.assertInEventLoop()
        guard !isCancelled else { throw CancellationError() }
        if wantsLayer, layerIsNext || backlog == 0, let message = channel?.take() {
            layerIsNext = false
            return .layer(message)
        }
        if backlog > 0, let message = client.popFirst() {
            backlog -= 1
            layerIsNext = true
            if backlog == 0 { onDrained?() }
            return message
        }
        if isDisconnected, afterDisconnect == .again {
            return kind == .http ? .httpDisconnect : .websocketDisconnect(code: 1005, reason: nil)
        }
        return nil
    }
}

extension Message {
    /// Whether it says that the client is gone.
    var isDisconnect: Bool {
        switch self {
        case .websocketDisconnect, .httpDisconnect: true
        default: false
        }
    }
}

extension Mailbox {
    /// `poke` from any thread: another loop's consumer sent something.
    func pokeFromAnywhere() {
        executor.home.onLoop { self.poke() }
    }

    /// Counts a membership, from any thread.
    func countGroup(joined: Bool) {
        guard let meter = executor.meter else { return }
        executor.home.onLoop { meter.countGroup(joined: joined) }
    }
}
