public import ConsumerRuntime

/// A chat room that nobody leaves: its `dispatch` catches every error, and with it `StopConsumer`.
///
/// The consumer of the forum's story (Django Channels: `except Exception` around `await super().dispatch(message)`).
/// Everything else about it is right. Finding: LS001 where the server delivers the disconnect again, LS002 elsewhere.
open class ChatConsumer: WebSocketConsumer {
    /// The room is the path's.
    open override var groups: [String] { scope.urlRoute?.kwargs["room"].map { ["chat_\($0)"] } ?? [] }

    /// Lets nothing out, "so that one bad message does not end the chat".
    open override func dispatch(_ message: Message) async throws {
        do {
            try await super.dispatch(message)
        } catch {
            errors += 1
        }
    }

    /// Errors that were not let out.
    public private(set) var errors = 0

    /// Echoes the text.
    open override func receive(text: String) async throws { try await send(text: text) }
    /// Echoes the bytes.
    open override func receive(bytes: [UInt8]) async throws { try await send(bytes: bytes) }
    /// Passes on what others in the room say.
    open override func handle(_ event: LayerMessage) async throws {
        guard event.type == "chat.message" else { return try await super.handle(event) }
        try await send(text: event["text"]?.string ?? "")
    }
}

/// The same chat room with the fix: `StopConsumer` is let out before other errors are caught.
open class FixedChatConsumer: WebSocketConsumer {
    /// The room is the path's.
    open override var groups: [String] { scope.urlRoute?.kwargs["room"].map { ["chat_\($0)"] } ?? [] }

    /// Lets out what ends the consumer.
    open override func dispatch(_ message: Message) async throws {
        do {
            try await super.dispatch(message)
        } catch let stop as StopConsumer {
            throw stop
        } catch {
            errors += 1
        }
    }

    /// Errors that were not let out.
    public private(set) var errors = 0

    /// Echoes the text.
    open override func receive(text: String) async throws { try await send(text: text) }
    /// Echoes the bytes.
    open override func receive(bytes: [UInt8]) async throws { try await send(bytes: bytes) }
    /// Passes on what others in the room say.
    open override func handle(_ event: LayerMessage) async throws {
        guard event.type == "chat.message" else { return try await super.handle(event) }
        try await send(text: event["text"]?.string ?? "")
    }
}

/// Echoes what it is sent, and ends as it should: the healthy traffic beside the sick.
open class EchoConsumer: WebSocketConsumer {
    /// Echoes the text.
    open override func receive(text: String) async throws { try await send(text: text) }
    /// Echoes the bytes.
    open override func receive(bytes: [UInt8]) async throws { try await send(bytes: bytes) }
}
