/// How a group of numbers was obtained. Ordered: a better grade is greater.
public enum Grade: String, Codable, Hashable, Sendable, CaseIterable, Comparable {
    /// Seen by a client only: scenario replay, black box.
    case outside
    /// A statistic over samples, with its count.
    case sampled
    /// A fact read out of the target's memory, or /proc, at an instant.
    case read
    /// Every event was counted: the embedded runtime, or a server launched under the agent.
    case exact

    /// `outside < sampled < read < exact`.
    public static func < (left: Grade, right: Grade) -> Bool { left.rank < right.rank }

    private var rank: Int { Grade.allCases.firstIndex(of: self) ?? 0 }
}
