/// A reading of CLOCK_MONOTONIC, in nanoseconds. Only differences mean anything.
public struct Moment: Hashable, Comparable, Sendable, Codable {
    /// Nanoseconds since an unspecified start, the same for every process of one boot.
    public var nanoseconds: Int64

    /// A reading in nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// As one number on the wire.
    public init(from decoder: any Decoder) throws {
        nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// As one number on the wire.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nanoseconds)
    }

    /// The earlier of two readings is the smaller.
    public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    /// How long from `right` to `left`; saturates, since a reading may come out of a hostile target.
    public static func - (left: Moment, right: Moment) -> Nanoseconds {
        Nanoseconds(clamping: left.nanoseconds.subtractingReportingOverflow(right.nanoseconds), towards: left > right)
    }

    /// The reading `right` later; saturates.
    public static func + (left: Moment, right: Nanoseconds) -> Moment {
        let sum = left.nanoseconds.addingReportingOverflow(right.count)
        return Moment(nanoseconds: sum.overflow ? (right.count > 0 ? .max : .min) : sum.partialValue)
    }
}

/// A length of time in whole nanoseconds: half the size of `Duration`, and one column in a recording.
public struct Nanoseconds: Hashable, Comparable, Sendable, Codable, AdditiveArithmetic {
    /// The number of nanoseconds.
    public var count: Int64

    /// A length of `count` nanoseconds.
    public init(_ count: Int64) { self.count = count }

    /// The length of a `Duration`, cut to whole nanoseconds; saturates at ±292 years.
    public init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let sum = whole.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000)
        count = whole.overflow || sum.overflow ? (seconds > 0 ? .max : .min) : sum.partialValue
    }

    init(clamping difference: (partialValue: Int64, overflow: Bool), towards positive: Bool) {
        count = difference.overflow ? (positive ? .max : .min) : difference.partialValue
    }

    /// As one number on the wire.
    public init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int64.self) }

    /// As one number on the wire.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }

    /// No time at all.
    public static let zero = Nanoseconds(0)
    /// `count` milliseconds.
    public static func milliseconds(_ count: Int64) -> Nanoseconds { Nanoseconds(count * 1_000_000) }
    /// `count` microseconds.
    public static func microseconds(_ count: Int64) -> Nanoseconds { Nanoseconds(count * 1_000) }
    /// `count` seconds.
    public static func seconds(_ count: Int64) -> Nanoseconds { Nanoseconds(count * 1_000_000_000) }

    /// The same length in seconds.
    public var seconds: Double { Double(count) / 1e9 }
    /// The same length in microseconds.
    public var microseconds: Double { Double(count) / 1e3 }
    /// The same length as the standard library's type.
    public var duration: Duration { .nanoseconds(count) }

    /// The shorter of two lengths is the smaller.
    public static func < (left: Nanoseconds, right: Nanoseconds) -> Bool { left.count < right.count }
    /// The sum, wrapping: sums of windows stay far below 292 years.
    public static func + (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
        Nanoseconds(left.count &+ right.count)
    }
    /// The difference, wrapping.
    public static func - (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
        Nanoseconds(left.count &- right.count)
    }
}
