private import Histogram
public import Statistics

/// Counts of durations in buckets of less than one percent: HdrHistogram with two digits, 128 buckets to an octave.
///
/// For what is compared across runs: a bucket of `DurationHistogram` is wider than the change that is looked for. Grows with
/// the longest value (some kilobytes), so there is one for many clients. Values in nanoseconds.
///
/// Source: Tene, HdrHistogram (hdrhistogram.org), in Swift's version.
public struct FineHistogram: Hashable, Sendable, QuantileSource {
    private var histogram = Histogram<UInt32>(numberOfSignificantValueDigits: .two)

    /// Longer values count as this: 73 years.
    static let longest = Int64(1) << 61

    /// An empty histogram.
    public init() {}

    /// How many values were counted.
    public var total: Int { Int(clamping: histogram.totalCount) }

    /// The largest value seen, exactly; `nil` when empty.
    public var maximum: Int64? { total > 0 ? Int64(clamping: histogram.maxRecorded) : nil }

    /// Counts one value. Negative ones count as 0.
    public mutating func record(_ nanoseconds: Int64) {
        histogram.record(UInt64(min(max(0, nanoseconds), Self.longest)))
    }

    /// Adds another histogram's counts.
    public mutating func merge(_ other: FineHistogram) { histogram.add(other.histogram) }

    /// The buckets in use: the least value of each, and how many were counted in it.
    public var buckets: [(floor: Int64, count: Int)] {
        histogram.recordedValues().map { bucket in
            (Int64(clamping: histogram.lowestEquivalentForValue(bucket.value)), Int(bucket.count))
        }
    }

    /// The value below which the fraction `quantile` of all values lies, within one percent; `nil` when empty.
    public func value(at quantile: Double) -> Int64? {
        guard let maximum else { return nil }
        return min(maximum, Int64(clamping: histogram.valueAtPercentile(quantile * 100)))
    }

    /// Equal ones have seen as many, as long.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(histogram.totalCount)
        hasher.combine(histogram.maxRecorded)
    }
}
