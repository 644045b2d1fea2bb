/// One stack, seen `count` times in one thread since the last such observation.
///
/// A sampler interns stacks and reports counts; a million samples are a few hundred of these.
public struct StackSample: Hashable, Sendable, Codable {
    /// What the thread was doing when it was seen.
    public enum Activity: String, Codable, Hashable, Sendable {
        /// On a CPU, or ready to be.
        case running
        /// Waiting in the kernel.
        case idle
        /// Time on the loop, booked exactly by the embedded runtime; frames are logical.
        case logical
    }

    /// End of the time the count covers.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// Kernel thread id, or 0 for logical stacks.
    public var tid: Int32
    /// The thread's name, or the loop's.
    public var thread: String
    /// What the thread was doing.
    public var activity: Activity
    /// Whether the thread held the interpreter's lock; `nil` where there is none or it was not read.
    public var holdsGIL: Bool?
    /// The stack, outermost first.
    public var stack: StackTrace
    /// The consumer class whose code this is, if known.
    public var consumer: String?
    /// The task's name, if known.
    public var task: String?
    /// How often it was seen; for logical stacks the number of dispatches.
    public var count: Int
    /// The time it stands for: count × interval, or the exact time on the loop.
    public var weight: Nanoseconds

    /// A stack seen `count` times.
    public init(
        time: Moment, pid: Int32, tid: Int32, thread: String, activity: Activity, holdsGIL: Bool? = nil,
        stack: StackTrace, consumer: String? = nil, task: String? = nil, count: Int, weight: Nanoseconds
    ) {
        self.time = time
        self.pid = pid
        self.tid = tid
        self.thread = thread
        self.activity = activity
        self.holdsGIL = holdsGIL
        self.stack = stack
        self.consumer = consumer
        self.task = task
        self.count = count
        self.weight = weight
    }
}
