/// How a server is to run.
public struct ServerConfiguration: Hashable, Sendable {
    /// Event loops, each with a thread of its own.
    public var loops: Int
    /// The real server whose ways it takes.
    public var policy: DeliveryPolicy
    /// The address to listen on: loopback.
    public var host: String
    /// The port; 0 takes a free one.
    public var port: Int
    /// Connections to have room for: the limit of descriptors is raised as far as they need; `nil` raises it to the
    /// hard limit.
    public var connections: Int?
    /// Largest message of a client, in bytes.
    public var messageLimit: Int
    /// Whether permessage-deflate is agreed on with clients that offer it.
    public var compression: Bool
    /// Messages that may wait for a consumer before its socket is read no further.
    public var backlogLimit: Int
    /// What a client may send over HTTP, and how slowly.
    public var http: HTTPLimits
    /// How long a client may take to send the head of its request.
    public var requestDeadline: Duration
    /// How long a client may take to answer a close frame.
    public var closeTimeout: Duration

    /// A configuration; what is not given is as uvicorn has it.
    public init(
        loops: Int = 1, policy: DeliveryPolicy = .uvicornWebsockets, host: String = "127.0.0.1", port: Int = 0,
        connections: Int? = nil, messageLimit: Int = 16 << 20, compression: Bool = true, backlogLimit: Int = 32,
        requestDeadline: Duration = .seconds(10), closeTimeout: Duration = .seconds(10), http: HTTPLimits = HTTPLimits()
    ) {
        self.http = http
        self.loops = max(1, loops)
        self.policy = policy
        self.host = host
        self.port = port
        self.connections = connections
        self.messageLimit = messageLimit
        self.compression = compression
        self.backlogLimit = max(1, backlogLimit)
        self.requestDeadline = requestDeadline
        self.closeTimeout = closeTimeout
    }
}
