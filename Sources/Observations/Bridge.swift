/// A call of synchronous code from a coroutine (`sync_to_async`), or several alike: it waits for a thread, or has one.
public struct BridgeCall: Hashable, Sendable, Codable {
    /// The executor that serves it: its address. 0 when the loop's default one does.
    public var executor: UInt64
    /// Threads that the executor may have; `nil` when it was not read.
    public var workers: Int?
    /// Identity of a call that a thread runs now; `nil` for calls that wait.
    public var running: UInt64?
    /// The thread that runs it.
    public var thread: String?
    /// The innermost application function that the thread runs.
    public var function: Frame?
    /// The innermost frame of the thread.
    public var waitsIn: Frame?
    /// Since when calls that are not short have held the thread, one right after the other: so long ago as they themselves held
    /// it, without their waits for a processor or for the interpreter's lock.
    public var since: Moment?
    /// Who made the call: the innermost application frame of the coroutine that waits for it.
    public var site: Frame?
    /// The consumer class that the coroutine serves, if known.
    public var consumer: String?
    /// How many are alike; 1 for one that runs.
    public var count: Int

    /// `count` calls; what was not read is `nil`.
    public init(
        executor: UInt64, workers: Int? = nil, running: UInt64? = nil, thread: String? = nil, function: Frame? = nil,
        waitsIn: Frame? = nil, since: Moment? = nil, site: Frame? = nil, consumer: String? = nil, count: Int = 1
    ) {
        self.executor = executor
        self.workers = workers
        self.running = running
        self.thread = thread
        self.function = function
        self.waitsIn = waitsIn
        self.since = since
        self.site = site
        self.consumer = consumer
        self.count = count
    }
}

/// All calls of synchronous code under way at one instant.
public struct BridgeCensus: Hashable, Sendable, Codable {
    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// How it was obtained.
    public var grade: Grade
    /// The calls.
    public var calls: [BridgeCall]

    /// A census.
    public init(time: Moment, pid: Int32, grade: Grade, calls: [BridgeCall]) {
        self.time = time
        self.pid = pid
        self.grade = grade
        self.calls = calls
    }
}
