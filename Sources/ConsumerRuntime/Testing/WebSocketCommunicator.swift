public import Instruments
import FoundationEssentials
public import NIOCore

/// Talks to a WebSocket application as a client would, without a server
/// (channels 4.3.2, channels/testing/websocket.py `WebsocketCommunicator`).
public struct WebSocketCommunicator: Sendable {
    /// What the application made of the handshake.
    public enum Answer: Hashable, Sendable {
        /// It accepted, with a subprotocol or none.
        case accepted(subprotocol: String?)
        /// It refused, with a code.
        case refused(code: Int)
    }

    /// What came from the application was not what was waited for.
    public struct Unexpected: Error, Hashable, Sendable {
        /// The type of what came.
        public var type: String
    }

    private let application: ApplicationCommunicator

    /// Makes a client of an application.
    ///
    /// - Parameters:
    ///   - path: path and query.
    ///   - loop: where the application runs.
    public init(
        _ application: any ASGIApplication, _ path: String, headers: [Header] = [], subprotocols: [String] = [],
        on loop: any EventLoop, instrument: LoopInstrument? = nil
    ) async throws {
        let target = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let scope = Scope(
            type: .websocket, path: target.first.map(String.init) ?? "/",
            queryString: target.count > 1 ? String(target[1]) : "", headers: headers, subprotocols: subprotocols)
        self.application = try await .start(application, scope, on: loop, instrument: instrument)
    }

    /// Asks to connect.
    public func connect(timeout: Duration = .seconds(1)) async throws -> Answer {
        try await application.send(input: .websocketConnect)
        switch try await application.receiveOutput(timeout: timeout) {
        case .websocketAccept(let subprotocol, _): return .accepted(subprotocol: subprotocol)
        case .websocketClose(let code, _): return .refused(code: code)
        case let other: throw Unexpected(type: other.type)
        }
    }

    /// Sends text.
    public func send(text: String) async throws { try await application.send(input: .websocketReceive(.text(text))) }
    /// Sends a value as JSON text.
    public func send(json value: some Encodable) async throws {
        try await send(text: String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
    }
    /// Sends bytes.
    public func send(bytes: [UInt8]) async throws {
        try await application.send(input: .websocketReceive(.bytes(bytes)))
    }

    /// The next message to the client.
    ///
    /// - Throws: `Unexpected` when it is a close.
    public func receive(timeout: Duration = .seconds(1)) async throws -> WebSocketData {
        switch try await application.receiveOutput(timeout: timeout) {
        case .websocketSend(let data): return data
        case let other: throw Unexpected(type: other.type)
        }
    }

    /// The next message to the client, which must be JSON text.
    public func receiveJSON(timeout: Duration = .seconds(1)) async throws -> LayerValue {
        guard case .text(let text) = try await receive(timeout: timeout) else {
            throw Unexpected(type: "websocket.send of bytes")
        }
        return try JSONDecoder().decode(LayerValue.self, from: Data(text.utf8))
    }

    /// Whether nothing is sent for so long.
    public func receiveNothing(for time: Duration = .milliseconds(100)) async -> Bool {
        await application.receiveNothing(for: time)
    }

    /// Waits for the application to close, and gives the code.
    public func receiveClose(timeout: Duration = .seconds(1)) async throws -> Int {
        switch try await application.receiveOutput(timeout: timeout) {
        case .websocketClose(let code, _): return code
        case let other: throw Unexpected(type: other.type)
        }
    }

    /// Closes as a client, and waits for the application to end.
    ///
    /// - Throws: the error that got out of it.
    public func disconnect(code: Int = 1000) async throws {
        try await application.send(input: .websocketDisconnect(code: code, reason: nil))
        try await application.wait()
    }

    /// Cancels the application.
    public func cancel() async { await application.cancel() }
}
