public import ConsumerRuntime

/// Says what this server is.
open class PageConsumer: HTTPConsumer {
    /// Answers.
    open override func handle(body: [UInt8]) async throws {
        try await sendResponse(text: "loopscope test server. Connect with a WebSocket client.\n")
    }
}

/// Says how much it was sent.
open class UploadConsumer: HTTPConsumer {
    /// Answers.
    open override func handle(body: [UInt8]) async throws {
        try await sendResponse(text: "\(scope.method) \(body.count)\n")
    }
}

/// A page whose `dispatch` catches every error, and with it `StopConsumer`: its request is answered, and the consumer stays.
///
/// Finding: LS001 or LS002, as for a WebSocket.
open class ExportConsumer: HTTPConsumer {
    /// Lets nothing out.
    open override func dispatch(_ message: Message) async throws {
        do {
            try await super.dispatch(message)
        } catch {
            errors += 1
        }
    }

    /// Errors that were not let out.
    public private(set) var errors = 0

    /// Answers.
    open override func handle(body: [UInt8]) async throws { try await sendResponse(text: "exported\n") }
}

/// The same, with the fix.
open class FixedExportConsumer: HTTPConsumer {
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

    /// Answers.
    open override func handle(body: [UInt8]) async throws { try await sendResponse(text: "exported\n") }
}

/// Three server-sent events: a body in pieces.
open class EventsConsumer: HTTPConsumer {
    /// Answers.
    open override func handle(body: [UInt8]) async throws {
        try await sendHeaders(headers: [Header("content-type", "text/event-stream")])
        for number in 1...3 { try await sendBody(Array("data: \(number)\n\n".utf8), more: true) }
        try await sendBody([])
    }
}

/// Echoes on a thread of its own, as a synchronous consumer of Channels does.
open class SyncEchoConsumer: SyncWebSocketConsumer {
    /// Echoes the text.
    open override func receive(text: String) throws { try send(text: text) }
    /// Echoes the bytes.
    open override func receive(bytes: [UInt8]) throws { try send(bytes: bytes) }
}
