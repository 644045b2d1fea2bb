public import Observations
public import Statistics

/// What the clients of a phase, or of a scenario, saw: the client's half of the ledger.
public struct ClientTally: Hashable, Sendable {
    /// A way in which scripts failed, with how many did.
    public struct Failure: Hashable, Sendable {
        /// The step, as its verb.
        public var step: String
        /// What happened.
        public var what: String

        /// A step that failed in this way.
        public init(step: String, what: String) { (self.step, self.what) = (step, what) }
    }

    /// Clients that began.
    public var started = 0
    /// WebSockets opened.
    public var opened = 0
    /// Handshakes that were answered with something else than 101, or not at all.
    public var refused = 0
    /// Those of them that nobody answered at all: there is no server, or none that speaks.
    public var unreached = 0
    /// Those for which this machine had no port or no descriptor left.
    public var exhausted = 0
    /// WebSockets that have ended, by whoever.
    public var closed = 0
    /// Most handshakes that were begun within 100 ms: how high a storm rises.
    public private(set) var connectPeak = 0
    private var attempts = Slot(number: .min, count: 0)
    /// Scripts that did not end as they should, by step and cause.
    public var failures: [Failure: Int] = [:]
    /// Messages sent.
    public var sent = 0
    /// Messages received, those dropped while idle left out.
    public var received = 0
    /// Messages of a sequence that never came.
    public var lost = 0
    /// Messages of a sequence that came twice.
    public var duplicated = 0
    /// From asking to 101, as it was, and from when it was due: a client that is held up does not hide a slow server.
    public var connect = Timing()
    /// From sending to what was expected, as it was and from when it was due.
    public var latency = Timing()
    /// How late the driver itself did what was due: its own saturation.
    public var lateness = DurationHistogram()

    /// Times as measured, and corrected for coordinated omission.
    public struct Timing: Hashable, Sendable {
        /// From when it was done.
        public var raw = FineHistogram()
        /// From when it was due.
        public var corrected = FineHistogram()

        /// Nothing measured yet.
        public init() {}

        /// Counts one.
        public mutating func record(done: Nanoseconds, due: Nanoseconds) {
            raw.record(done.count)
            corrected.record(max(done, due).count)
        }

        mutating func merge(_ other: Timing) {
            raw.merge(other.raw)
            corrected.merge(other.corrected)
        }
    }

    /// Nothing seen yet.
    public init() {}

    /// Scripts that did not end as they should.
    public var failed: Int { failures.values.reduce(0, +) }

    /// Counts a handshake that is begun.
    public mutating func attempt(at time: Moment) {
        let slot = time.nanoseconds / Self.peakWindow.count
        attempts = Slot(number: slot, count: attempts.number == slot ? attempts.count + 1 : 1)
        connectPeak = max(connectPeak, attempts.count)
    }

    private struct Slot: Hashable, Sendable {
        var number: Int64
        var count: Int
    }

    /// The time within which a peak is counted.
    private static let peakWindow = Nanoseconds.milliseconds(100)

    /// Most different failures that are told apart.
    static let failureLimit = 64

    /// Counts a script that failed.
    public mutating func fail(_ failure: Failure) {
        let known = failures[failure] != nil || failures.count < Self.failureLimit
        failures[known ? failure : Failure(step: failure.step, what: "other causes"), default: 0] += 1
    }

    /// Adds another's.
    public mutating func merge(_ other: ClientTally) {
        started += other.started
        opened += other.opened
        refused += other.refused
        unreached += other.unreached
        exhausted += other.exhausted
        closed += other.closed
        connectPeak = max(connectPeak, other.connectPeak)
        for (failure, count) in other.failures { failures[failure, default: 0] += count }
        sent += other.sent
        received += other.received
        lost += other.lost
        duplicated += other.duplicated
        connect.merge(other.connect)
        latency.merge(other.latency)
        lateness.merge(other.lateness)
    }
}
