public import Observations

/// What a browser recorded of its WebSockets, without its secrets: paths and messages, and when each was sent or came.
public struct Capture: Hashable, Sendable {
    /// A message.
    public struct Message: Hashable, Sendable {
        /// When, from the opening of its connection.
        public var offset: Nanoseconds
        /// Whether the browser sent it; else it came from the server.
        public var isSent: Bool
        /// Its content.
        public var content: Content
    }

    /// What a message holds. Those that came from the server are counted, and not kept.
    public enum Content: Hashable, Sendable {
        /// Text.
        case text(String)
        /// Bytes.
        case bytes([UInt8])
    }

    /// A WebSocket.
    public struct Connection: Hashable, Sendable {
        /// Path and query, secrets taken out.
        public var target: String
        /// Subprotocols that were offered, secrets taken out.
        public var subprotocols: [String]
        /// When it was opened, from the first of the capture.
        public var offset: Nanoseconds
        /// What the browser sent, in order of time.
        public var sent: [Message]
        /// How many came from the server.
        public var received: Int
        /// From its opening to its last message.
        public var length: Nanoseconds
    }

    /// The host of the first WebSocket: where it was recorded. Never played against unless it is named again.
    public var host: String
    /// The WebSockets, in order of their opening.
    public var connections: [Connection]
    /// How many values were taken out.
    public var redacted: Int

    /// What the browser sent.
    public var sent: Int { connections.reduce(0) { $0 + $1.sent.count } }
    /// What came from servers.
    public var received: Int { connections.reduce(0) { $0 + $1.received } }
}

/// Why there is nothing to replay in a HAR file.
public struct CaptureError: Error, Hashable, Sendable {
    /// What is wrong.
    public var what: String
    /// What to do about it.
    public var remedy: String?

    init(_ what: String, remedy: String? = nil) { (self.what, self.remedy) = (what, remedy) }
}
