/// An ASGI application: what a server calls once for each connection, on the connection's event loop.
///
/// It returns when it is done with the connection. An error that gets out closes the connection: 500 before the
/// handshake is answered, 1011 after.
public protocol ASGIApplication: Sendable {
    /// Serves one connection.
    func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws
    /// Whether it goes on routing by what is left of the path: a router, or middleware around one. Its route is a prefix.
    var routesByPath: Bool { get }
}

extension ASGIApplication {
    /// An end of the route.
    public var routesByPath: Bool { false }
}

/// Waits for the next message from the server.
public struct Receive: Sendable {
    let mailbox: Mailbox

    /// Receives from a mailbox.
    init(_ mailbox: Mailbox) { self.mailbox = mailbox }

    /// The next message; layers are not asked.
    ///
    /// - Throws: `CancellationError` when the server gives the application up.
    public func callAsFunction() async throws -> Message { try await mailbox.nextFromClient() }
}

/// Gives a message to the server. Suspends while the client reads too slowly.
public struct Send: Sendable {
    let body: @Sendable (Message) async throws -> Void
    let sink: (any MessageSink)?

    /// Sends by calling `body`: middleware wraps one in another.
    public init(_ body: @escaping @Sendable (Message) async throws -> Void) {
        self.body = body
        sink = nil
    }

    /// Sends to a server's connection: nothing is made per message where nobody has to wait.
    package init(to sink: any MessageSink) {
        self.sink = sink
        body = { try await sink.sendFromElsewhere($0) }
    }
}

/// A server's end of a connection, as `Send` sees it.
package protocol MessageSink: AnyObject, Sendable {
    /// Sends a message at once, if this is the connection's loop. From any thread.
    func sendNow(_ message: Message) throws -> SendProgress
    /// Suspends until the client has read. On the loop.
    func waitForRoom() async
    /// Sends a message from another thread than the loop's.
    func sendFromElsewhere(_ message: Message) async throws
}

/// How far a message has come.
package enum SendProgress: Sendable {
    /// It is the client's.
    case sent
    /// It was taken, and the client has to read before there is room for the next.
    case isFull
    /// Nothing was done: this is not the connection's loop.
    case isElsewhere
}

/// An application sent a message that the connection's state does not allow: an accept after an accept.
public struct ProtocolMisuse: Error, Hashable, Sendable, CustomStringConvertible {
    /// The type of the message.
    public var message: String
    /// What the connection was waiting for.
    public var expected: String

    /// A misuse.
    public init(message: String, expected: String) {
        self.message = message
        self.expected = expected
    }

    /// In words.
    public var description: String { "\(message) was sent, but the connection expected \(expected)" }
}

/// An application made of a function.
public struct FunctionApplication: ASGIApplication {
    private let body: @Sendable (Scope, Receive, Send) async throws -> Void

    /// An application that calls `body`.
    public init(_ body: @escaping @Sendable (Scope, Receive, Send) async throws -> Void) { self.body = body }

    /// Serves one connection.
    public func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        try await body(scope, receive, send)
    }
}
