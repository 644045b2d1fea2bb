public import Statistics

/// What one event loop did in one window (100 ms in the embedded runtime).
public struct LoopWindow: Hashable, Sendable, Codable {
    /// Start of the window.
    public var start: Moment
    /// Its length.
    public var length: Nanoseconds
    /// The process.
    public var pid: Int32
    /// The loop's id, unique in the process.
    public var loop: String
    /// The thread that runs it.
    public var thread: String
    /// How the numbers were obtained.
    public var grade: Grade
    /// Ticks (turns of the loop) in the window.
    public var ticks: Int?
    /// Time not spent waiting for events.
    public var busy: Nanoseconds?
    /// CPU time of the loop's thread in the window: the truth when a handler hides its time (docs/architecture.md).
    public var threadCPU: Nanoseconds?
    /// How long the ticks took.
    public var tickDurations: DurationHistogram
    /// The latest that a heartbeat came after it was due; the whole block while it lasts.
    public var heartbeatLag: Nanoseconds?
    /// Most handles ready in one tick.
    public var readyHandles: Int?
    /// Timers waiting at the end of the window.
    public var timers: Int?

    /// A window; what was not measured is `nil`.
    public init(
        start: Moment, length: Nanoseconds, pid: Int32, loop: String, thread: String, grade: Grade, ticks: Int? = nil,
        busy: Nanoseconds? = nil, threadCPU: Nanoseconds? = nil, tickDurations: DurationHistogram = .init(),
        heartbeatLag: Nanoseconds? = nil, readyHandles: Int? = nil, timers: Int? = nil
    ) {
        self.start = start
        self.length = length
        self.pid = pid
        self.loop = loop
        self.thread = thread
        self.grade = grade
        self.ticks = ticks
        self.busy = busy
        self.threadCPU = threadCPU
        self.tickDurations = tickDurations
        self.heartbeatLag = heartbeatLag
        self.readyHandles = readyHandles
        self.timers = timers
    }
}

/// A loop that missed its heartbeat, or a turn of a loop that did not end, with the stack it was blocked in.
///
/// Of one block several may be made while it lasts: they have the same `since`, and the longest is the last.
public struct LoopBlock: Hashable, Sendable, Codable {
    /// When the heartbeat was due, or the turn began.
    public var since: Moment
    /// How long it had been missing when the stack was taken, or in the end; time in which the thread merely waited for a
    /// processor is not counted where samples show it.
    public var length: Nanoseconds
    /// The process.
    public var pid: Int32
    /// The loop's id.
    public var loop: String
    /// The stack of the loop's thread, native or Python, outermost first; empty when it could not be taken.
    public var stack: StackTrace
    /// The consumer whose message was being dispatched, if any.
    public var consumer: String?
    /// The type of that message.
    public var message: String?
    /// Samples in which the loop's thread was seen in this turn; `nil` where a heartbeat measured it.
    public var samples: Int?

    /// A block of `length` seen since `since`.
    public init(
        since: Moment, length: Nanoseconds, pid: Int32, loop: String, stack: StackTrace, consumer: String? = nil,
        message: String? = nil, samples: Int? = nil
    ) {
        self.since = since
        self.length = length
        self.pid = pid
        self.loop = loop
        self.stack = stack
        self.consumer = consumer
        self.message = message
        self.samples = samples
    }
}
