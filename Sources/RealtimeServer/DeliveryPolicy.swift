public import ConsumerRuntime

/// How a server treats an application around the ends of a connection: the real servers differ, and with them the
/// face of a swallowed stop.
public struct DeliveryPolicy: Hashable, Sendable {
    /// The server it is the policy of.
    public var name: String
    /// Disconnects put into the queue when a connection ends.
    public var disconnects: Int
    /// What a receive gives after those.
    public var afterDisconnect: Mailbox.AfterDisconnect
    /// How long an application may take to answer the handshake; `nil`: for ever.
    public var handshakeDeadline: Duration?
    /// How long an application may outlive its connection before it is cancelled; `nil`: for ever.
    public var closeDeadline: Duration?
    /// How often a client is pinged; `nil`: never.
    public var pingInterval: Duration?
    /// How long a client may take to answer a ping before it is given up.
    public var pongDeadline: Duration

    /// A policy.
    public init(
        name: String, disconnects: Int, afterDisconnect: Mailbox.AfterDisconnect, handshakeDeadline: Duration?,
        closeDeadline: Duration?, pingInterval: Duration? = nil, pongDeadline: Duration = .seconds(20)
    ) {
        self.name = name
        self.disconnects = disconnects
        self.afterDisconnect = afterDisconnect
        self.handshakeDeadline = handshakeDeadline
        self.closeDeadline = closeDeadline
        self.pingInterval = pingInterval
        self.pongDeadline = pongDeadline
    }

    /// uvicorn with its older `websockets` implementation: each receive after the end gives a disconnect again, with
    /// code 1005 and no reason (uvicorn 0.38, websockets_impl.py `asgi_receive`).
    public static let uvicornWebsockets = DeliveryPolicy(
        name: "uvicorn-websockets", disconnects: 1, afterDisconnect: .again, handshakeDeadline: .seconds(10),
        closeDeadline: nil, pingInterval: .seconds(20), pongDeadline: .seconds(20))

    /// uvicorn with wsproto or websockets-sansio, its default since 0.50: two disconnects, then silence.
    public static let uvicornSansIO = DeliveryPolicy(
        name: "uvicorn-sansio", disconnects: 2, afterDisconnect: .silence, handshakeDeadline: nil, closeDeadline: nil)

    /// daphne: one disconnect; an application that takes longer than `closeDeadline` after it is cancelled
    /// (daphne 4.2.3, server.py `application_checker`).
    public static func daphne(closeDeadline: Duration = .seconds(10)) -> DeliveryPolicy {
        DeliveryPolicy(
            name: "daphne", disconnects: 1, afterDisconnect: .silence, handshakeDeadline: .seconds(5),
            closeDeadline: closeDeadline, pingInterval: .seconds(20), pongDeadline: .seconds(30))
    }

    /// daphne with its own deadline of 10 s.
    public static let daphne = DeliveryPolicy.daphne()

    /// hypercorn: one disconnect, then silence.
    public static let hypercorn = DeliveryPolicy(
        name: "hypercorn", disconnects: 1, afterDisconnect: .silence, handshakeDeadline: nil, closeDeadline: nil)

    /// Those with a name.
    public static let all: [DeliveryPolicy] = [.uvicornWebsockets, .uvicornSansIO, .daphne, .hypercorn]
}
