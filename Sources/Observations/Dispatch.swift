public import Statistics

/// How one dispatch of a message to a consumer ended.
public enum DispatchOutcome: String, Codable, Hashable, Sendable, CaseIterable {
    /// It returned: the dispatch loop goes on.
    case returned
    /// It threw `StopConsumer`: the dispatch loop ends as it should.
    case stopped
    /// It threw anything else.
    case threw
    /// Its task was cancelled.
    case cancelled
}

/// Dispatches of one message type to one consumer class on one loop in one window: a counter, not a row per event.
public struct DispatchWindow: Hashable, Sendable, Codable {
    /// Start of the window.
    public var start: Moment
    /// Its length.
    public var length: Nanoseconds
    /// The process.
    public var pid: Int32
    /// The loop's id.
    public var loop: String
    /// The route that led to the consumer, as written in the routing table.
    public var route: String?
    /// The consumer class.
    public var consumer: String
    /// The message's type: `websocket.receive`.
    public var message: String
    /// The handler: `websocket_receive`.
    public var handler: String
    /// How many ended in each way.
    public var outcomes: [DispatchOutcome: Int]
    /// How many were delivered to an instance that had already been given its disconnect.
    public var afterDisconnect: Int
    /// Time on the loop, the writing of what was sent included: suspensions are not counted.
    public var busy: Nanoseconds
    /// Time from delivery to outcome, suspensions included.
    public var durations: DurationHistogram

    /// Counters of one window.
    public init(
        start: Moment, length: Nanoseconds, pid: Int32, loop: String, route: String? = nil, consumer: String,
        message: String, handler: String, outcomes: [DispatchOutcome: Int] = [:], afterDisconnect: Int = 0,
        busy: Nanoseconds = .zero, durations: DurationHistogram = .init()
    ) {
        self.start = start
        self.length = length
        self.pid = pid
        self.loop = loop
        self.route = route
        self.consumer = consumer
        self.message = message
        self.handler = handler
        self.outcomes = outcomes
        self.afterDisconnect = afterDisconnect
        self.busy = busy
        self.durations = durations
    }

    /// All dispatches of the window.
    public var count: Int { outcomes.values.reduce(0, +) }
}

/// One dispatch in full: kept only for the first and the last few of each instance.
public struct DispatchEvent: Hashable, Sendable, Codable {
    /// When the message was delivered.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// The loop's id.
    public var loop: String
    /// The connection.
    public var connection: UInt64
    /// The consumer class.
    public var consumer: String
    /// The message's type. Never its content.
    public var message: String
    /// How it ended.
    public var outcome: DispatchOutcome
    /// From delivery to outcome.
    public var duration: Nanoseconds
    /// The error's type when it threw. Never its text.
    public var error: String?

    /// One dispatch.
    public init(
        time: Moment, pid: Int32, loop: String, connection: UInt64, consumer: String, message: String,
        outcome: DispatchOutcome, duration: Nanoseconds, error: String? = nil
    ) {
        self.time = time
        self.pid = pid
        self.loop = loop
        self.connection = connection
        self.consumer = consumer
        self.message = message
        self.outcome = outcome
        self.duration = duration
        self.error = error
    }
}

/// A disconnect that a consumer's `dispatch` returned from instead of stopping, or a cancellation that one of its tasks went on
/// after; located once per class.
public struct SwallowedStop: Hashable, Sendable, Codable {
    /// When it was located.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// The consumer class.
    public var consumer: String
    /// The `dispatch` (or handler) that returned; `nil` file and line when the binary is stripped.
    public var location: CodeLocation
    /// The type of what was caught instead of `StopConsumer`: `CancelledError`.
    public var error: String?

    /// A swallowed stop of `consumer` at `location`.
    public init(time: Moment, pid: Int32, consumer: String, location: CodeLocation, error: String? = nil) {
        self.time = time
        self.pid = pid
        self.consumer = consumer
        self.location = location
        self.error = error
    }
}
