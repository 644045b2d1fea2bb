import NIOCore

/// A consumer whose code blocks: it runs on a thread of its own while its loop serves others
/// (channels/consumer.py `SyncConsumer`).
///
/// One message at a time: while its code runs, nothing else touches the instance. Override `dispatchOnThread`, or better
/// the handlers of `SyncWebSocketConsumer`.
open class SyncConsumer: AsyncConsumer {
    /// The instance, lent to one thread for one message.
    ///
    /// `@unchecked Sendable`: the dispatch on the loop is suspended until the thread gives it back.
    private struct Lent: @unchecked Sendable { let consumer: SyncConsumer }

    /// Where its code runs.
    open class var threads: SyncThreads { .shared }

    /// Gives a message to its handler, on a thread.
    ///
    /// - Throws: `StopConsumer` when the instance is to end.
    open func dispatchOnThread(_ message: Message) throws {
        guard case .layer(let event) = message else { throw NoHandler(type: message.type) }
        try handleOnThread(event)
    }

    /// Handles a message of the layer, on a thread.
    open func handleOnThread(_ event: LayerMessage) throws { throw NoHandler(type: event.type) }

    /// Has the message dispatched on a thread.
    public final override func dispatch(_ message: Message) async throws {
        let lent = Lent(consumer: self)
        if message.isDisconnect { baseIsReached() }
        try await Self.threads.run { try lent.consumer.dispatchOnThread(message) }
    }

    /// Gives a message to the server and waits until it has taken it. On a thread, never on the loop.
    public final func sendFromThread(_ message: Message) throws {
        try onLoop { consumer in try await consumer.send(message) }
    }

    /// Waits on the calling thread for something that is done on the loop.
    final func onLoop(_ body: @escaping @Sendable (SyncConsumer) async throws -> Void) throws {
        let lent = Lent(consumer: self)
        let promise = home.loop.makePromise(of: Void.self)
        Task(executorPreference: executor) {
            do {
                try await body(lent.consumer)
                promise.succeed()
            } catch {
                promise.fail(error)
            }
        }
        try promise.futureResult.wait()
    }

    /// Throws `StopConsumer`, as `stop` does, on a thread.
    @inline(never)
    final func stopOnThread() throws -> Never {
        keepChain(of: Self.self)
        throw StopConsumer()
    }
}

/// A consumer of one WebSocket whose code blocks (channels/generic/websocket.py `WebsocketConsumer`).
open class SyncWebSocketConsumer: SyncConsumer {
    /// Groups to join on connect and to leave on disconnect.
    open var groups: [String] { [] }

    /// The client wants to connect. Accepts, unless overridden.
    open func connect() throws { try accept() }
    /// The client sent text.
    open func receive(text: String) throws {}
    /// The client sent bytes.
    open func receive(bytes: [UInt8]) throws {}
    /// The client is gone; `code` is the close code. Clean up here.
    open func disconnect(code: Int) throws {}

    /// Answers the handshake with 101.
    public final func accept(subprotocol: String? = nil, headers: [Header] = []) throws {
        try sendFromThread(.websocketAccept(subprotocol: subprotocol, headers: headers))
    }
    /// Sends text to the client.
    public final func send(text: String) throws { try sendFromThread(.websocketSend(.text(text))) }
    /// Sends bytes to the client.
    public final func send(bytes: [UInt8]) throws { try sendFromThread(.websocketSend(.bytes(bytes))) }
    /// Closes the connection; before an accept, refuses it.
    public final func close(code: Int = 1000, reason: String = "") throws {
        try sendFromThread(.websocketClose(code: code, reason: reason))
    }

    /// Adds this instance's channel to a group. Nothing without a layer.
    public final func groupAdd(_ group: String) throws {
        try onLoop { consumer in
            guard let layer = consumer.channelLayer, let channel = consumer.channelName else { return }
            try await layer.groupAdd(group, channel)
        }
    }
    /// Takes this instance's channel out of a group. Nothing without a layer.
    public final func groupDiscard(_ group: String) throws {
        try onLoop { consumer in
            guard let layer = consumer.channelLayer, let channel = consumer.channelName else { return }
            try await layer.groupDiscard(group, channel)
        }
    }
    /// Sends a message to every channel of a group. Nothing without a layer.
    public final func groupSend(_ group: String, _ message: LayerMessage) throws {
        try onLoop { consumer in try await consumer.channelLayer?.groupSend(group, message) }
    }

    /// Gives each WebSocket event to its handler.
    open override func dispatchOnThread(_ message: Message) throws {
        switch message {
        case .websocketConnect:
            for group in groups { try groupAdd(group) }
            do {
                try connect()
            } catch is AcceptConnection {
                try accept()
            } catch is DenyConnection {
                try close()
            }
        case .websocketReceive(.text(let text)): try receive(text: text)
        case .websocketReceive(.bytes(let bytes)): try receive(bytes: bytes)
        case .websocketDisconnect(let code, _):
            for group in groups { try groupDiscard(group) }
            try disconnect(code: code)
            try stopOnThread()
        default: try super.dispatchOnThread(message)
        }
    }
}
