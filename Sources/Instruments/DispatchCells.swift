import Observations
import Statistics

// What is written at every dispatch is plain memory behind a pointer. A dispatch of an echo takes some hundred instructions
// of the consumer's own: reference counts, checks of exclusive access and growing arrays around each counter cost as much
// again. Unsafe on purpose: each block has one owner, which frees it, and is touched on its loop's thread only.

/// Counts of one message type of one class in the window under way.
struct DispatchCells {
    /// The number that the loop publishes while it dispatches one.
    let label: Int
    /// Dispatches by outcome, in the order of `DispatchOutcome.allCases`.
    var returned = 0
    var stopped = 0
    var threw = 0
    var cancelled = 0
    /// Those of a connection whose disconnect had been delivered.
    var afterDisconnect = 0
    /// Nanoseconds that they had the loop.
    var busy: Int64 = 0
    private var longest: Int64 = -1
    private var sum: Int64 = 0
    /// One past the highest bucket in use.
    private var used = 0
    private let buckets: UnsafeMutablePointer<UInt32>

    /// Empty cells. The caller frees them with `free`.
    static func allocate(label: Int) -> UnsafeMutablePointer<DispatchCells> {
        let cells = UnsafeMutablePointer<DispatchCells>.allocate(capacity: 1)
        cells.initialize(to: DispatchCells(label: label))
        return cells
    }

    static func free(_ cells: UnsafeMutablePointer<DispatchCells>) {
        cells.pointee.buckets.deallocate()
        cells.deallocate()
    }

    private init(label: Int) {
        self.label = label
        buckets = .allocate(capacity: DurationHistogram.bucketLimit)
        buckets.initialize(repeating: 0, count: DurationHistogram.bucketLimit)
    }

    /// Dispatches of any outcome.
    var total: Int { returned + stopped + threw + cancelled }

    /// Counts one dispatch: how long it had the loop, and how long it took, in nanoseconds.
    @inline(__always)
    mutating func count(_ outcome: DispatchOutcome, busy: Int64, duration: Int64) {
        switch outcome {
        case .returned: returned &+= 1
        case .stopped: stopped &+= 1
        case .threw: threw &+= 1
        case .cancelled: cancelled &+= 1
        }
        self.busy &+= busy
        sum &+= duration
        longest = max(longest, duration)
        let bucket = DurationHistogram.bucket(of: duration)
        buckets[bucket] &+= 1
        used = max(used, bucket + 1)
    }

    /// What was counted since the last time; `nil` when nothing was.
    mutating func take() -> DispatchCounts? {
        guard total > 0 || afterDisconnect > 0 else { return nil }
        let outcomes: [DispatchOutcome: Int] = [
            .returned: returned, .stopped: stopped, .threw: threw, .cancelled: cancelled,
        ]
        let counts = DispatchCounts(
            outcomes: outcomes.filter { $0.value > 0 }, total: total, afterDisconnect: afterDisconnect, busy: busy,
            durations: DurationHistogram(
                counts: Array(UnsafeBufferPointer(start: buckets, count: used)), maximum: total > 0 ? longest : nil,
                sum: sum))
        buckets.update(repeating: 0, count: used)
        (returned, stopped, threw, cancelled, afterDisconnect) = (0, 0, 0, 0, 0)
        (busy, longest, sum, used) = (0, -1, 0, 0)
        return counts
    }
}

/// What was counted in one window.
struct DispatchCounts {
    var outcomes: [DispatchOutcome: Int]
    var total: Int
    var afterDisconnect: Int
    var busy: Int64
    var durations: DurationHistogram
}

/// One instance's dispatches: the one under way, and the last few.
struct InstanceCells {
    /// Dispatches kept in full at either end of an instance's life.
    static let eventLimit = 4

    /// A dispatch as numbers, since nearly all of them are never asked for.
    struct Late {
        var began: Int64
        var duration: Int64
        var label: Int
        var number: UInt64
        var outcome: DispatchOutcome
    }

    /// The cells of the message under way; its class has them, and the instance has its class.
    var message: UnsafeMutablePointer<DispatchCells>?
    /// Those of `websocket.receive`, once there was one.
    var receive: UnsafeMutablePointer<DispatchCells>?
    var began: Int64 = 0
    var segment: Int64 = 0
    var busy: Int64 = 0
    var dispatches: UInt64 = 0
    var disconnects = 0
    var lastLabel = 0
    /// The last few, as a ring: dispatch `number` is at `number % eventLimit`. `nil` before the first that goes there.
    var latest: UnsafeMutablePointer<Late>?
    /// The newest in the ring.
    private var lastKept: UInt64 = 0
    /// How many of the ring have not been told.
    private var untold = 0
    var isDisconnect = false
    var isDispatching = false
    var hasReachedBase = false
    var wasSwallowed = false

    /// Empty cells. The caller frees them with `free`.
    static func allocate() -> UnsafeMutablePointer<InstanceCells> {
        let cells = UnsafeMutablePointer<InstanceCells>.allocate(capacity: 1)
        cells.initialize(to: InstanceCells())
        return cells
    }

    static func free(_ cells: UnsafeMutablePointer<InstanceCells>) {
        cells.pointee.latest?.deallocate()
        cells.deallocate()
    }

    /// Keeps a dispatch until `eventLimit` later ones have come.
    @inline(__always)
    mutating func keep(_ late: Late) {
        let ring = latest ?? makeRing()
        ring[Int(truncatingIfNeeded: late.number % UInt64(Self.eventLimit))] = late
        lastKept = late.number
        untold = min(untold + 1, Self.eventLimit)
    }

    private mutating func makeRing() -> UnsafeMutablePointer<Late> {
        let ring = UnsafeMutablePointer<Late>.allocate(capacity: Self.eventLimit)
        latest = ring
        return ring
    }

    /// The last few, the oldest first, each once.
    mutating func takeLatest() -> [Late] {
        guard let latest, untold > 0 else { return [] }
        defer { untold = 0 }
        return ((lastKept &- UInt64(untold) &+ 1)...lastKept).map {
            latest[Int(truncatingIfNeeded: $0 % UInt64(Self.eventLimit))]
        }
    }
}
