/// One thread as /proc shows it.
public struct ThreadSample: Hashable, Sendable, Codable {
    /// Kernel thread id.
    public var tid: Int32
    /// Its name (comm).
    public var name: String
    /// CPU time since its start.
    public var cpu: Nanoseconds
    /// Time it was ready but not running since its start (schedstat).
    public var runQueueWait: Nanoseconds?
    /// Voluntary context switches since its start.
    public var voluntarySwitches: Int?
    /// Involuntary context switches since its start.
    public var involuntarySwitches: Int?
    /// State letter of /proc/PID/stat: R, S, D, T, Z.
    public var state: String

    /// A thread; what /proc did not say is `nil`.
    public init(
        tid: Int32, name: String, cpu: Nanoseconds, runQueueWait: Nanoseconds? = nil, voluntarySwitches: Int? = nil,
        involuntarySwitches: Int? = nil, state: String
    ) {
        self.tid = tid
        self.name = name
        self.cpu = cpu
        self.runQueueWait = runQueueWait
        self.voluntarySwitches = voluntarySwitches
        self.involuntarySwitches = involuntarySwitches
        self.state = state
    }
}

/// One process as /proc shows it at one instant. Totals since its start; whoever reads makes differences.
public struct ProcessSample: Hashable, Sendable, Codable {
    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// Its parent.
    public var parent: Int32?
    /// Its name (comm).
    public var name: String
    /// CPU time since its start, ended threads and reaped children's share excluded.
    public var cpu: Nanoseconds
    /// How long ago it started: `cpu / age` is what `ps` prints.
    public var age: Nanoseconds
    /// Resident set.
    public var residentBytes: Int
    /// Open descriptors; `nil` when they may not be listed.
    public var descriptors: Int?
    /// Soft limit of descriptors.
    public var descriptorLimit: Int?
    /// Its TCP sockets by state: `ESTABLISHED`, `CLOSE_WAIT`.
    public var sockets: [String: Int]
    /// Its threads.
    public var threads: [ThreadSample]
    /// Its descriptors by kind, the standard three left out: `socket`, `pipe`, `eventpoll`, and the path of a file that is
    /// open more than once. Counted together with `sockets`.
    public var descriptorKinds: [String: Int]

    /// A process; what /proc did not say is `nil`.
    public init(
        time: Moment, pid: Int32, parent: Int32? = nil, name: String, cpu: Nanoseconds, age: Nanoseconds,
        residentBytes: Int, descriptors: Int? = nil, descriptorLimit: Int? = nil, sockets: [String: Int] = [:],
        threads: [ThreadSample] = [], descriptorKinds: [String: Int] = [:]
    ) {
        self.time = time
        self.pid = pid
        self.parent = parent
        self.name = name
        self.cpu = cpu
        self.age = age
        self.residentBytes = residentBytes
        self.descriptors = descriptors
        self.descriptorLimit = descriptorLimit
        self.sockets = sockets
        self.threads = threads
        self.descriptorKinds = descriptorKinds
    }
}
