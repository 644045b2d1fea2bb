public import Analysis
public import Scenarios

/// What a gate says of a change.
public struct GateVerdict: Sendable {
    /// One rule, and what came of it.
    public struct Entry: Hashable, Sendable {
        /// How it went.
        public enum Outcome: String, Hashable, Sendable {
            /// It holds.
            case passed
            /// It does not.
            case failed
            /// It could not be measured.
            case unmeasured
            /// Nothing is demanded of it: shown for information.
            case informs
        }

        /// What it is about: `tasks.growth per connection`.
        public var subject: String
        /// The unit of its values.
        public var unit: Metric.Unit
        /// What was measured.
        public var value: Double?
        /// What the baseline has.
        public var baseline: Double?
        /// What was demanded, in words: `at most 0`.
        public var demand: String
        /// How it went.
        public var outcome: Outcome
        /// What there is more of, or who made it, when it failed.
        public var suspects: [Suspect] = []
    }

    /// A finding that is borne.
    public struct Suppressed: Sendable {
        /// The finding.
        public var finding: Finding
        /// Why, and until when.
        public var by: Budget.Suppression
    }

    /// All rules, failed ones first.
    public var entries: [Entry]
    /// Findings that nobody bears, worst first.
    public var findings: [Finding]
    /// Those that are borne.
    public var suppressed: [Suppressed]
    /// Suppressions whose day has passed.
    public var expired: [Budget.Suppression]
    /// Why nothing could be decided, if so: what would decide it.
    public var undecided: [String]
    /// What a reader should know and nothing depends on.
    public var remarks: [String]

    /// What it comes to.
    public enum Status: Hashable, Sendable {
        /// All that was demanded holds.
        case passed
        /// Findings at or above the severity that fails.
        case findings
        /// A rule does not hold, or a suppression has expired.
        case regression
        /// It could not be decided.
        case inconclusive
    }

    /// What it comes to; findings name the cause, so they come before the counts that they explain.
    public func status(failOn: Severity?) -> Status {
        if let failOn, findings.contains(where: { $0.severity >= failOn }) { return .findings }
        if entries.contains(where: { $0.outcome == .failed }) || !expired.isEmpty { return .regression }
        return undecided.isEmpty ? .passed : .inconclusive
    }

    /// Whether a count is higher than it may be: worth looking at again before it is called a leak.
    public var hasFailedCounts: Bool { entries.contains { $0.outcome == .failed && $0.unit == .count } }
}
