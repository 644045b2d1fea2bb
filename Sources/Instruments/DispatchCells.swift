import Observations
import Statistics

// What is written at every dispatch is plain memory behind a pointer. A dispatch of an echo takes some hundred instructions
// of the consumer's own: reference counts, checks of exclusive access and growing arrays around each counter cost as much
// again. Unsafe on purpose: each block has one owner, which frees it, and is touched on its loop's thread only.

/// Counts of one message type of one class in the window under way.
struct DispatchCells {
    /// The number that the loop publishes while it dispatches one.
    let label: Int32
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
    private let buckets: UnsafeMutablePointer<UInt32>

    /// Empty cells. The caller frees them with `free`.
    static func allocate(label: Int32) -> UnsafeMutablePointer<DispatchCells> {
        let cells = UnsafeMutablePointer<DispatchCells>.allocate(capacity: 1)
        cells.initialize(to: DispatchCells(label: label))
        return cells
    }

    static func free(_ cells: UnsafeMutablePointer<DispatchCells>) {
        cells.pointee.buckets.deallocate()
        cells.deallocate()
    }

    private init(label: Int32) {
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
        buckets[DurationHistogram.bucket(of: duration)] &+= 1
    }

    /// What was counted since the last time; `nil` when nothing was.
    mutating func take() -> DispatchCounts? {
        guard total > 0 || afterDisconnect > 0 else { return nil }
        let outcomes: [DispatchOutcome: Int] = [
            .returned: returned, .stopped: stopped, .threw: threw, .cancelled: cancelled,
        ]
        let all = UnsafeBufferPointer(start: buckets, count: DurationHistogram.bucketLimit)
        let used = all.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 0
        let counts = DispatchCounts(
            outcomes: outcomes.filter { $0.value > 0 }, total: total, afterDisconnect: afterDisconnect, busy: busy,
            durations: DurationHistogram(
                counts: Array(all.prefix(used)), maximum: total > 0 ? longest : nil,
                sum: sum))
        buckets.update(repeating: 0, count: used)
        (returned, stopped, threw, cancelled, afterDisconnect) = (0, 0, 0, 0, 0)
        (busy, longest, sum) = (0, -1, 0)
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
