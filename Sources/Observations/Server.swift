/// What a server's own objects say of it at one instant.
public struct ServerState: Hashable, Sendable, Codable {
    /// The package: `uvicorn`.
    public var package: String
    /// Its WebSocket implementation, where it has several.
    public var implementation: String?
    /// Whether it has been told to end.
    public var isStopping: Bool?
    /// Applications that it runs: one per request or WebSocket.
    public var applications: Int?
    /// Connections that it counts.
    public var connections: Int?
    /// How long it lets applications finish when told to end; `.max` when for ever.
    public var grace: Nanoseconds?
    /// How long after its connection it cancels an application; `.max` when never.
    public var patience: Nanoseconds?
    /// How long a handshake may stay unanswered; `.max` when for ever.
    public var handshake: Nanoseconds?

    /// A server; what is not known is `nil`.
    public init(
        package: String, implementation: String? = nil, isStopping: Bool? = nil, applications: Int? = nil,
        connections: Int? = nil, grace: Nanoseconds? = nil, patience: Nanoseconds? = nil, handshake: Nanoseconds? = nil
    ) {
        self.package = package
        self.implementation = implementation
        self.isStopping = isStopping
        self.applications = applications
        self.connections = connections
        self.grace = grace
        self.patience = patience
        self.handshake = handshake
    }
}

extension Nanoseconds {
    /// No end: what a server has that waits for ever.
    public static let max = Nanoseconds(.max)
}
