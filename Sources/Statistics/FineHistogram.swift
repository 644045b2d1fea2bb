/// Counts of durations in buckets of less than one percent: 128 to an octave, as HdrHistogram has with two digits.
///
/// For what is compared across runs: a bucket of `DurationHistogram` is wider than the change that is looked for. Only
/// buckets in use take memory. Values in nanoseconds.
///
/// Source: Tene, HdrHistogram (hdrhistogram.org): linear buckets within exponential ones.
public struct FineHistogram: Hashable, Sendable, QuantileSource {
    private var counts: [Int64: Int] = [:]
    /// How many values were counted.
    public private(set) var total = 0
    /// The largest value seen, exactly; `nil` when empty.
    public private(set) var maximum: Int64?

    private static let digits = 7

    /// An empty histogram.
    public init() {}

    /// The least value of a value's bucket: its eight leading bits. Negative values count as 0.
    static func floor(of nanoseconds: Int64) -> Int64 {
        let shift = max(0, 63 - digits - max(0, nanoseconds).leadingZeroBitCount)
        return (max(0, nanoseconds) >> Int64(shift)) << Int64(shift)
    }

    /// The greatest value of the bucket that begins at `floor`.
    private static func ceiling(of floor: Int64) -> Int64 {
        floor | ((Int64(1) << Int64(max(0, 63 - digits - floor.leadingZeroBitCount))) - 1)
    }

    /// Counts one value.
    public mutating func record(_ nanoseconds: Int64) {
        counts[Self.floor(of: nanoseconds), default: 0] += 1
        total += 1
        maximum = max(maximum ?? 0, nanoseconds)
    }

    /// Adds another histogram's counts.
    public mutating func merge(_ other: FineHistogram) {
        counts.merge(other.counts, uniquingKeysWith: +)
        total += other.total
        if let theirs = other.maximum { maximum = max(maximum ?? 0, theirs) }
    }

    /// The buckets in use: the least value of each, and how many were counted in it.
    public var buckets: [(floor: Int64, count: Int)] {
        counts.sorted { $0.key < $1.key }.map { (floor: $0.key, count: $0.value) }
    }

    /// The value below which the fraction `quantile` of all values lies, within one percent; `nil` when empty.
    public func value(at quantile: Double) -> Int64? {
        guard total > 0, let maximum else { return nil }
        let rank = min(total, max(1, Int((quantile * Double(total)).rounded(.up))))
        var seen = 0
        for (floor, count) in buckets {
            seen += count
            if seen >= rank { return min(maximum, Self.ceiling(of: floor)) }
        }
        return maximum
    }
}

/// What can say below which value a fraction of all values lies.
public protocol QuantileSource {
    /// That value; `nil` when nothing was counted.
    func value(at quantile: Double) -> Int64?
}

extension DurationHistogram: QuantileSource {}
