/// Thrown by `connect` to accept the connection (channels/exceptions.py `AcceptConnection`).
public struct AcceptConnection: Error, Hashable, Sendable {
    /// Accept.
    public init() {}
}

/// Thrown by `connect` to refuse the connection (channels/exceptions.py `DenyConnection`).
public struct DenyConnection: Error, Hashable, Sendable {
    /// Refuse.
    public init() {}
}

/// A consumer of one WebSocket (channels/generic/websocket.py `AsyncWebsocketConsumer`).
///
/// Override `connect`, `receive` and `disconnect`; `connect` must accept or close, or the handshake hangs.
open class WebSocketConsumer: AsyncConsumer {
    /// Groups to join on connect and to leave on disconnect.
    open var groups: [String] { [] }

    /// The client wants to connect. Accepts, unless overridden.
    open func connect() async throws { try await accept() }
    /// The client sent text.
    open func receive(text: String) async throws {}
    /// The client sent bytes.
    open func receive(bytes: [UInt8]) async throws {}
    /// The client is gone; `code` is the close code. Clean up here.
    open func disconnect(code: Int) async throws {}

    /// Answers the handshake with 101.
    public final func accept(subprotocol: String? = nil, headers: [Header] = []) async throws {
        try await send(.websocketAccept(subprotocol: subprotocol, headers: headers))
    }
    /// Closes the connection; before an accept, refuses it.
    public final func close(code: Int = 1000, reason: String = "") async throws {
        try await send(.websocketClose(code: code, reason: reason))
    }

    /// Gives each WebSocket event to its handler.
    open override func dispatch(_ message: Message) async throws {
        switch message {
        case .websocketConnect: try await websocketConnect()
        case .websocketReceive(let data): try await websocketReceive(data)
        case .websocketDisconnect(let code, _): try await disconnects(code: code)
        default: try await super.dispatch(message)
        }
    }

    // A function of its own: what it does would have `dispatch` ask for its executor at each message.
    @inline(never)
    private final func disconnects(code: Int) async throws {
        baseIsReached()
        try await websocketDisconnect(code: code)
    }

    /// Handler of `websocket.connect`: joins the groups, then `connect`.
    open func websocketConnect() async throws {
        for group in groups { try await groupAdd(group) }
        do {
            try await connect()
        } catch is AcceptConnection {
            try await accept()
        } catch is DenyConnection {
            try await close()
        }
    }

    /// Handler of `websocket.receive`.
    open func websocketReceive(_ data: WebSocketData) async throws {
        switch data {
        case .text(let text): try await receive(text: text)
        case .bytes(let bytes): try await receive(bytes: bytes)
        }
    }

    /// Handler of `websocket.disconnect`: leaves the groups, then `disconnect`, then stops.
    ///
    /// - Throws: `StopConsumer`. An override that does not call it must throw that itself.
    open func websocketDisconnect(code: Int) async throws {
        do {
            for group in groups { try await groupDiscard(group) }
            try await disconnect(code: code)
        } catch {
            await stopFails()
            throw error
        }
        try await stop()
    }

    /// Adds this instance's channel to a group. Nothing without a layer.
    public final func groupAdd(_ group: String) async throws {
        guard let channelLayer, let channelName else { return }
        try await channelLayer.groupAdd(group, channelName)
    }

    /// Takes this instance's channel out of a group. Nothing without a layer.
    public final func groupDiscard(_ group: String) async throws {
        guard let channelLayer, let channelName else { return }
        try await channelLayer.groupDiscard(group, channelName)
    }

    /// Sends a message to every channel of a group. Nothing without a layer.
    public final func groupSend(_ group: String, _ message: LayerMessage) async throws {
        try await channelLayer?.groupSend(group, message)
    }
}
