/// One step in the life of a connection and of the consumer instance that serves it.
public struct ConnectionEvent: Hashable, Sendable, Codable {
    /// What happened.
    public enum Step: String, Codable, Hashable, Sendable, CaseIterable {
        /// The upgrade was asked for and a scope made.
        case opened
        /// The handshake was answered with 101.
        case accepted
        /// The handshake was answered with an error.
        case rejected
        /// The socket is gone, cleanly or not; `code` is the close code.
        case closed
        /// The consumer instance began to be served.
        case started
        /// The consumer instance ended; `outcome` says how.
        case ended
    }

    /// How a consumer instance ended.
    public enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
        /// `StopConsumer`, as it should.
        case stopped
        /// The application returned without it.
        case returned
        /// An error got out of the application.
        case threw
        /// The server cancelled it because it outlived its connection.
        case killed
        /// Cancelled for another reason: the server is shutting down.
        case cancelled
    }

    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// The connection, unique in the process.
    public var connection: UInt64
    /// What happened.
    public var step: Step
    /// The consumer class, once it is known.
    public var consumer: String?
    /// The path, without its query string.
    public var path: String?
    /// The close code (RFC 6455 §7.4), or the HTTP status of a rejection.
    public var code: Int?
    /// How the instance ended.
    public var outcome: Outcome?
    /// The error's type, when one got out. Never its text.
    public var error: String?

    /// One step.
    public init(
        time: Moment, pid: Int32, connection: UInt64, step: Step, consumer: String? = nil, path: String? = nil,
        code: Int? = nil, outcome: Outcome? = nil, error: String? = nil
    ) {
        self.time = time
        self.pid = pid
        self.connection = connection
        self.step = step
        self.consumer = consumer
        self.path = path
        self.code = code
        self.outcome = outcome
        self.error = error
    }
}

/// What the instances of one consumer class did in one window: the ledger's other columns.
public struct ConsumerWindow: Hashable, Sendable, Codable {
    /// Start of the window.
    public var start: Moment
    /// Its length.
    public var length: Nanoseconds
    /// The process.
    public var pid: Int32
    /// The consumer class.
    public var consumer: String
    /// Tasks begun on behalf of its instances (receive, layer, background).
    public var tasksStarted: Int
    /// Such tasks ended.
    public var tasksEnded: Int
    /// Groups joined.
    public var groupsJoined: Int
    /// Groups left.
    public var groupsLeft: Int
    /// `websocket.disconnect` messages delivered.
    public var disconnectsDelivered: Int

    /// Counters of one window.
    public init(
        start: Moment, length: Nanoseconds, pid: Int32, consumer: String, tasksStarted: Int = 0, tasksEnded: Int = 0,
        groupsJoined: Int = 0, groupsLeft: Int = 0, disconnectsDelivered: Int = 0
    ) {
        self.start = start
        self.length = length
        self.pid = pid
        self.consumer = consumer
        self.tasksStarted = tasksStarted
        self.tasksEnded = tasksEnded
        self.groupsJoined = groupsJoined
        self.groupsLeft = groupsLeft
        self.disconnectsDelivered = disconnectsDelivered
    }
}
