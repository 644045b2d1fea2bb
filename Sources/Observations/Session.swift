/// What was observed: the first observation of every recording.
public struct SessionStart: Hashable, Sendable, Codable {
    /// The kinds of target.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// The embedded runtime.
        case embedded
        /// A CPython process.
        case cpython
        /// A native process whose stacks can be read.
        case native
        /// Any process, through /proc only.
        case process
        /// A server known by its URL only.
        case url
    }

    /// When observing began.
    public var time: Moment
    /// The same instant as seconds since 1970, UTC.
    public var wallClock: Double
    /// The kind of target.
    public var kind: Kind
    /// For a person: `uvicorn 0.38.0 websockets/asyncio, CPython 3.13.5`.
    public var description: String
    /// The process, if it is one.
    public var pid: Int32?
    /// The best grade this probe can give.
    public var grade: Grade
    /// The tool's own version.
    public var tool: String

    /// The start of a session.
    public init(
        time: Moment, wallClock: Double, kind: Kind, description: String, pid: Int32? = nil, grade: Grade, tool: String
    ) {
        self.time = time
        self.wallClock = wallClock
        self.kind = kind
        self.description = description
        self.pid = pid
        self.grade = grade
        self.tool = tool
    }
}

/// How good the samples were, since the last such observation.
public struct SampleQuality: Hashable, Sendable, Codable {
    /// Good samples.
    public var taken: Int
    /// Samples that were torn at first and good when read again at once.
    public var retried: Int
    /// Samples given up.
    public var lost: Int
    /// Samples found torn only after they had been accepted. Should be 0.
    public var torn: Int

    /// Counts of samples.
    public init(taken: Int = 0, retried: Int = 0, lost: Int = 0, torn: Int = 0) {
        self.taken = taken
        self.retried = retried
        self.lost = lost
        self.torn = torn
    }

    /// Adds the counts of a later observation.
    public static func += (left: inout SampleQuality, right: SampleQuality) {
        left.taken += right.taken
        left.retried += right.retried
        left.lost += right.lost
        left.torn += right.torn
    }
}

/// What observing did to the target, since the last such observation.
public struct Impact: Hashable, Sendable, Codable {
    /// Writes into the target's memory. Always 0 unless the user asked for the agent.
    public var writes: Int
    /// Times the target was stopped. Always 0 unless the user asked.
    public var stops: Int
    /// Bytes read from it.
    public var bytesRead: Int
    /// CPU time the observer took.
    public var observerCPU: Nanoseconds

    /// What was done to the target.
    public init(writes: Int = 0, stops: Int = 0, bytesRead: Int = 0, observerCPU: Nanoseconds = .zero) {
        self.writes = writes
        self.stops = stops
        self.bytesRead = bytesRead
        self.observerCPU = observerCPU
    }

    /// Adds a later observation.
    public static func += (left: inout Impact, right: Impact) {
        left.writes += right.writes
        left.stops += right.stops
        left.bytesRead += right.bytesRead
        left.observerCPU = left.observerCPU + right.observerCPU
    }
}

/// Why observing ended.
public struct SessionEnd: Hashable, Sendable, Codable {
    /// The reasons.
    public enum Reason: String, Codable, Hashable, Sendable, CaseIterable {
        /// The time asked for is over.
        case finished
        /// The user interrupted.
        case interrupted
        /// The target exited.
        case targetExited
        /// The target is another program now (exec, or a reused pid).
        case targetReplaced
        /// The probe failed.
        case failed
    }

    /// When.
    public var time: Moment
    /// Why.
    public var reason: Reason
    /// For a person, when there is more to say.
    public var detail: String?

    /// The end of a session.
    public init(time: Moment, reason: Reason, detail: String? = nil) {
        self.time = time
        self.reason = reason
        self.detail = detail
    }
}

/// A fact that a probe wants a person to know: what could not be read and why, what a log line said.
public struct ProbeNote: Hashable, Sendable, Codable {
    /// When.
    public var time: Moment
    /// Which process, if one.
    public var pid: Int32?
    /// The finding's code that this keeps from being checked, if any.
    public var code: String?
    /// In words.
    public var text: String

    /// A note.
    public init(time: Moment, pid: Int32? = nil, code: String? = nil, text: String) {
        self.time = time
        self.pid = pid
        self.code = code
        self.text = text
    }
}

/// The start of a scenario's phase: the ledger is drawn up per phase.
public struct PhaseMark: Hashable, Sendable, Codable {
    /// When it began.
    public var time: Moment
    /// Its name: `sick`, `twin`.
    public var name: String

    /// A mark.
    public init(time: Moment, name: String) {
        self.time = time
        self.name = name
    }
}
