/// What a client may send over HTTP, and how slowly: what a slow or endless request is ended by.
public struct HTTPLimits: Hashable, Sendable {
    /// Largest head of a request, in bytes; beyond it the answer is 431.
    public var headLimit: Int
    /// Most header fields.
    public var fieldLimit: Int
    /// Largest body of a request, in bytes; beyond it the answer is 413.
    public var bodyLimit: Int
    /// How long a connection is kept for another request.
    public var idleDeadline: Duration
    /// A body of which fewer than `bodyLeast` bytes come in so long is given up with 408.
    public var bodyDeadline: Duration
    /// The least of a body that must come in `bodyDeadline`, in bytes.
    public var bodyLeast: Int
    /// How long a client may take to read what its socket's buffer does not hold.
    public var sendDeadline: Duration

    /// Limits; the idle deadline is uvicorn's.
    public init(
        headLimit: Int = 64 << 10, fieldLimit: Int = 100, bodyLimit: Int = 16 << 20,
        idleDeadline: Duration = .seconds(5), bodyDeadline: Duration = .seconds(20), bodyLeast: Int = 10_000,
        sendDeadline: Duration = .seconds(60)
    ) {
        self.headLimit = headLimit
        self.fieldLimit = fieldLimit
        self.bodyLimit = bodyLimit
        self.idleDeadline = idleDeadline
        self.bodyDeadline = bodyDeadline
        self.bodyLeast = bodyLeast
        self.sendDeadline = sendDeadline
    }
}
