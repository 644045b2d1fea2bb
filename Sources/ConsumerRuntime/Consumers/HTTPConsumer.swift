/// A consumer of one HTTP request (channels 4.3.2, channels/generic/http.py `AsyncHttpConsumer`).
///
/// Override `handle`, which gets the whole body; a long poll or an event stream sends its body in pieces. `disconnect` is
/// called once the request has been handled, however that ended, and when the client goes before.
open class HTTPConsumer: AsyncConsumer {
    private var body: [UInt8] = []

    /// Answers the request: `sendResponse`, or `sendHeaders` and then `sendBody`.
    open func handle(body: [UInt8]) async throws { throw NoHandler(type: "http.request") }
    /// The request is over. Clean up here.
    open func disconnect() async throws {}

    /// Sends the response's head.
    public final func sendHeaders(status: Int = 200, headers: [Header] = []) async throws {
        try await send(.httpResponseStart(status: status, headers: headers))
    }
    /// Sends a piece of the response's body, the last one unless there is `more`.
    public final func sendBody(_ body: [UInt8], more: Bool = false) async throws {
        try await send(.httpResponseBody(body, more: more))
    }
    /// Sends a whole response.
    public final func sendResponse(status: Int = 200, headers: [Header] = [], _ body: [UInt8]) async throws {
        try await sendHeaders(status: status, headers: headers)
        try await sendBody(body)
    }
    /// Sends a whole response of text.
    public final func sendResponse(status: Int = 200, text: String) async throws {
        try await sendResponse(
            status: status, headers: [Header("content-type", "text/plain; charset=utf-8")], Array(text.utf8))
    }

    /// Gives each HTTP event to its handler.
    open override func dispatch(_ message: Message) async throws {
        switch message {
        case .httpRequest(let body, let more): try await httpRequest(body, more: more)
        case .httpDisconnect:
            baseIsReached()
            try await httpDisconnect()
        default: try await super.dispatch(message)
        }
    }

    /// Handler of `http.request`: keeps the body until it is whole, has it handled, and stops.
    open func httpRequest(_ piece: [UInt8], more: Bool) async throws {
        body += piece
        guard !more else { return }
        let whole = body
        body = []
        do {
            try await handle(body: whole)
        } catch {
            try await disconnect()
            throw error
        }
        try await disconnect()
        try await stop()
    }

    /// Handler of `http.disconnect`: `disconnect`, then stops.
    open func httpDisconnect() async throws {
        try await disconnect()
        try await stop()
    }
}
