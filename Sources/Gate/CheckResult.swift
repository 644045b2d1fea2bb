public import Scenarios

/// What came of one check.
public struct CheckResult: Hashable, Sendable {
    /// How it went.
    public enum Outcome: String, Hashable, Sendable {
        /// It holds.
        case held
        /// It does not.
        case failed
        /// It could not be measured: neither a pass nor a failure.
        case unknown
    }

    /// The phase at whose end it was made.
    public var phase: String
    /// The check.
    public var check: Check
    /// What was measured.
    public var value: Double?
    /// How it went.
    public var outcome: Outcome

    /// Makes a check.
    public init(_ check: Check, phase: String, on measured: Measurements) {
        (self.check, self.phase) = (check, phase)
        value = measured.value(of: check.metric, consumer: check.consumer)
        outcome = value.map { check.holds(for: $0) ? .held : .failed } ?? .unknown
    }

    /// `consumers.stuck == 0: 3`, with units.
    public var text: String {
        "\(check.source): " + (value.map(check.metric.unit.words) ?? "could not be measured")
    }
}

extension Metric.Unit {
    /// A value of this unit for a person: `3`, `1.5 %`, `2.3 MB`, `40 ms`.
    public func words(_ value: Double) -> String {
        guard value.isFinite else { return "never" }
        return switch self {
        case .count: value == value.rounded() ? "\(Int(value))" : "\((value * 100).rounded() / 100)"
        case .percent: "\((value * 10).rounded() / 10) %"
        case .bytes: "\((value / 1e5).rounded() / 10) MB"
        case .seconds: value < 1 ? "\((value * 1e5).rounded() / 100) ms" : "\((value * 100).rounded() / 100) s"
        }
    }
}
