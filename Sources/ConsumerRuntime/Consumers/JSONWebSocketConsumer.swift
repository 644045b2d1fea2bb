import FoundationEssentials

/// A consumer whose text messages are JSON (channels/generic/websocket.py `AsyncJsonWebsocketConsumer`).
open class JSONWebSocketConsumer: WebSocketConsumer {
    /// The client sent a value.
    open func receive(json: LayerValue) async throws {}

    /// Text that is no JSON. Throws, which closes the connection with 1011, unless overridden.
    open func receive(unreadable text: String, _ error: any Error) async throws { throw error }

    /// Decodes the text.
    public final override func receive(text: String) async throws {
        let value: LayerValue
        do {
            value = try JSONDecoder().decode(LayerValue.self, from: Data(text.utf8))
        } catch {
            return try await receive(unreadable: text, error)
        }
        try await receive(json: value)
    }

    /// Sends a value as JSON text, keys in order.
    public final func send(json value: some Encodable) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try await send(text: String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

extension LayerValue: Codable {
    /// Reads what JSON has.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([LayerValue].self) {
            self = .array(value)
        } else {
            self = .map(try container.decode([String: LayerValue].self))
        }
    }

    /// Writes as JSON; bytes as a list of numbers.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .bytes(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .map(let value): try container.encode(value)
        }
    }
}
