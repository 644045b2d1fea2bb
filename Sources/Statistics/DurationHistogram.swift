/// Counts of durations in buckets that grow with the duration: 8 to an octave, so a bucket is at most 12.5 % wide.
///
/// Small enough to keep one per loop and window, and mergeable, which percentiles are not. Values in nanoseconds.
/// `record` is a shift, a mask and an addition once the buckets are there.
public struct DurationHistogram: Hashable, Sendable, Codable {
    /// Counts by bucket, up to the highest bucket used.
    public private(set) var counts: [UInt32]
    /// The largest value seen, exactly; `nil` when empty.
    public private(set) var maximum: Int64?
    /// Sum of the values, exactly; wraps after 292 years.
    public private(set) var sum: Int64

    // Computed, so that they are constants in other rooms too.
    @inlinable package static var subBits: Int { 3 }
    @inlinable package static var sub: Int { 1 << subBits }
    /// Values of 2^53 ns (104 days) and above share the last bucket: a hostile wire cannot make it larger.
    @inlinable package static var bucketLimit: Int { (53 - subBits + 1) * sub }

    /// An empty histogram.
    public init() {
        counts = []
        maximum = nil
        sum = 0
    }

    /// A histogram out of its parts, as the stored form reads them; counts beyond the last bucket are cut.
    package init(counts: [UInt32], maximum: Int64?, sum: Int64) {
        self.counts = Array(counts.prefix(Self.bucketLimit))
        self.maximum = maximum
        self.sum = sum
    }

    /// The bucket of a value: negative values count as 0.
    @inlinable package static func bucket(of nanoseconds: Int64) -> Int {
        guard nanoseconds >= sub else { return Int(max(0, nanoseconds)) }
        let octave = 63 - nanoseconds.leadingZeroBitCount
        let within = Int(nanoseconds >> Int64(octave - subBits)) & (sub - 1)
        return min((octave - subBits + 1) * sub + within, bucketLimit - 1)
    }

    /// The least value of a bucket.
    static func floor(of bucket: Int) -> Int64 {
        guard bucket >= sub else { return Int64(bucket) }
        let octave = bucket / sub - 1 + subBits
        return (Int64(sub) + Int64(bucket % sub)) << Int64(octave - subBits)
    }

    /// Counts one value, `times` times.
    public mutating func record(_ nanoseconds: Int64, times: UInt32 = 1) {
        guard times > 0 else { return }
        let bucket = Self.bucket(of: nanoseconds)
        if bucket >= counts.count { counts += repeatElement(0, count: bucket + 1 - counts.count) }
        counts[bucket] &+= times
        maximum = max(maximum ?? 0, nanoseconds)
        sum &+= nanoseconds &* Int64(times)
    }

    /// Adds another histogram's counts.
    public mutating func merge(_ other: DurationHistogram) {
        if other.counts.count > counts.count {
            counts += repeatElement(0, count: other.counts.count - counts.count)
        }
        for (bucket, count) in other.counts.enumerated() { counts[bucket] &+= count }
        if let theirs = other.maximum { maximum = max(maximum ?? 0, theirs) }
        sum &+= other.sum
    }

    /// The buckets in use: the least value of each, and how many were counted in it.
    public var buckets: [(floor: Int64, count: Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { (Self.floor(of: $0.offset), Int($0.element)) }
    }

    /// How many values were counted.
    public var total: Int { counts.reduce(0) { $0 + Int($1) } }

    /// The mean, exactly; `nil` when empty.
    public var mean: Double? { total == 0 ? nil : Double(sum) / Double(total) }

    /// The value below which the fraction `quantile` of all values lies, within 12.5 %; `nil` when empty.
    public func value(at quantile: Double) -> Int64? {
        let total = self.total
        guard total > 0, let maximum else { return nil }
        let rank = min(total, max(1, Int((quantile * Double(total)).rounded(.up))))
        var seen = 0
        for (bucket, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= rank { return min(maximum, Self.floor(of: bucket + 1) - 1) }
        }
        return maximum
    }

    private enum Key: String, CodingKey { case counts, maximum, sum }

    /// Reads the wire form: counts cut to the buckets there are.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        counts = Array(try container.decode([UInt32].self, forKey: .counts).prefix(Self.bucketLimit))
        maximum = try container.decodeIfPresent(Int64.self, forKey: .maximum)
        sum = try container.decode(Int64.self, forKey: .sum)
    }

    /// Writes the wire form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(counts, forKey: .counts)
        try container.encodeIfPresent(maximum, forKey: .maximum)
        try container.encode(sum, forKey: .sum)
    }
}
