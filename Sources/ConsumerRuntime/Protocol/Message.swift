/// The payload of a WebSocket message: text or bytes, never both (ASGI specification, WebSocket, "Receive").
public enum WebSocketData: Hashable, Sendable {
    /// A text message.
    case text(String)
    /// A binary message.
    case bytes([UInt8])
}

/// A header field of ASGI: names in lower case.
public struct Header: Hashable, Sendable {
    /// The name, in lower case.
    public var name: String
    /// The value.
    public var value: String

    /// A field; the name is put in lower case.
    public init(_ name: String, _ value: String) {
        self.name = name.lowercased()
        self.value = value
    }
}

/// A message between a server, or a channel layer, and an application: an event of the ASGI specification.
///
/// `type` gives the specification's name of each, verbatim.
public enum Message: Hashable, Sendable {
    /// The client wants to connect: accept or close.
    case websocketConnect
    /// The client sent a message.
    case websocketReceive(WebSocketData)
    /// The client is gone. `reason` is `nil` when no close frame said one.
    case websocketDisconnect(code: Int, reason: String?)
    /// Answer the handshake with 101.
    case websocketAccept(subprotocol: String? = nil, headers: [Header] = [])
    /// Send a message to the client.
    case websocketSend(WebSocketData)
    /// Close the connection; before an accept, refuse it with 403.
    case websocketClose(code: Int = 1000, reason: String = "")
    /// A piece of a request's body.
    case httpRequest(body: [UInt8], more: Bool)
    /// The client is gone, or the response has been sent.
    case httpDisconnect
    /// The head of a response.
    case httpResponseStart(status: Int, headers: [Header] = [])
    /// A piece of a response's body.
    case httpResponseBody([UInt8], more: Bool = false)
    /// The server starts: answer with complete or failed.
    case lifespanStartup
    /// The application is ready: the server begins to listen.
    case lifespanStartupComplete
    /// The application cannot start: the server says why and does not either.
    case lifespanStartupFailed(message: String = "")
    /// The server has stopped: answer with complete or failed.
    case lifespanShutdown
    /// The application has put its things away.
    case lifespanShutdownComplete
    /// The application could not.
    case lifespanShutdownFailed(message: String = "")
    /// A message of a channel layer.
    case layer(LayerMessage)

    /// The event's type as the specification writes it.
    public var type: String {
        switch self {
        case .websocketConnect: "websocket.connect"
        case .websocketReceive: "websocket.receive"
        case .websocketDisconnect: "websocket.disconnect"
        case .websocketAccept: "websocket.accept"
        case .websocketSend: "websocket.send"
        case .websocketClose: "websocket.close"
        case .httpRequest: "http.request"
        case .httpDisconnect: "http.disconnect"
        case .httpResponseStart: "http.response.start"
        case .httpResponseBody: "http.response.body"
        case .lifespanStartup: "lifespan.startup"
        case .lifespanStartupComplete: "lifespan.startup.complete"
        case .lifespanStartupFailed: "lifespan.startup.failed"
        case .lifespanShutdown: "lifespan.shutdown"
        case .lifespanShutdownComplete: "lifespan.shutdown.complete"
        case .lifespanShutdownFailed: "lifespan.shutdown.failed"
        case .layer(let message): message.type
        }
    }
}

/// A message that travels through a channel layer: a type, which names its handler, and fields.
public struct LayerMessage: Hashable, Sendable {
    /// The type: `chat.message`. Its handler is `chat_message` in Channels' words.
    public var type: String
    /// The fields beside the type.
    public var fields: [String: LayerValue]

    /// A message of this type.
    public init(type: String, _ fields: [String: LayerValue] = [:]) {
        self.type = type
        self.fields = fields
    }

    /// A field; `nil` when there is none.
    public subscript(name: String) -> LayerValue? { fields[name] }
}

/// A value that every channel layer can carry: what MessagePack has.
public indirect enum LayerValue: Hashable, Sendable {
    /// No value.
    case null
    /// True or false.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number.
    case double(Double)
    /// Text.
    case string(String)
    /// Bytes.
    case bytes([UInt8])
    /// A list.
    case array([LayerValue])
    /// A table.
    case map([String: LayerValue])

    /// The text, if it is one.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// A field, if it is a table.
    public subscript(name: String) -> LayerValue? { if case .map(let fields) = self { fields[name] } else { nil } }
    /// The whole number, if it is one.
    public var int: Int? { if case .int(let value) = self { value } else { nil } }
}

extension LayerValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// True or false.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}
