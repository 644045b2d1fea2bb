public import Instruments
public import NIOCore

/// Sends one request to an application as a server would, without a server
/// (channels 4.3.2, channels/testing/http.py `HttpCommunicator`).
public struct HTTPCommunicator: Sendable {
    /// What the application answered.
    public struct Response: Hashable, Sendable {
        /// The status.
        public var status: Int
        /// The header fields.
        public var headers: [Header]
        /// The body, its pieces put together.
        public var body: [UInt8]

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let application: ApplicationCommunicator
    private let body: [UInt8]

    /// Makes a client of an application.
    ///
    /// - Parameters:
    ///   - path: path and query.
    ///   - loop: where the application runs.
    public init(
        _ application: any ASGIApplication, _ method: String = "GET", _ path: String, headers: [Header] = [],
        body: [UInt8] = [], on loop: any EventLoop, instrument: LoopInstrument? = nil
    ) async throws {
        let target = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let scope = Scope(
            type: .http, method: method, path: target.first.map(String.init) ?? "/",
            queryString: target.count > 1 ? String(target[1]) : "", headers: headers)
        self.body = body
        self.application = try await .start(application, scope, on: loop, instrument: instrument)
    }

    /// Sends the request, and waits for the whole response and for the application to end.
    ///
    /// - Throws: `Unexpected`, `TimedOut`, or the error that got out of the application.
    public func response(timeout: Duration = .seconds(1)) async throws -> Response {
        try await application.send(input: .httpRequest(body: body, more: false))
        guard case .httpResponseStart(let status, let headers) = try await next(timeout) else {
            throw WebSocketCommunicator.Unexpected(type: "http.response.body")
        }
        var response = Response(status: status, headers: headers, body: [])
        while case .httpResponseBody(let piece, let more) = try await next(timeout) {
            response.body += piece
            guard more else { break }
        }
        try await application.wait()
        return response
    }

    private func next(_ timeout: Duration) async throws -> Message {
        let message = try await application.receiveOutput(timeout: timeout)
        switch message {
        case .httpResponseStart, .httpResponseBody: return message
        default: throw WebSocketCommunicator.Unexpected(type: message.type)
        }
    }
}
