import Glibc
public import Observations

/// How long a client waits before it connects again.
public struct Backoff: Hashable, Sendable {
    /// How the wait grows, and where chance comes in.
    public enum Model: String, Hashable, Sendable, CaseIterable {
        /// Always the first wait.
        case constant
        /// Doubles each time, up to the cap. The seed's: 1 s doubling to 30 s, ten tries.
        case exponential
        /// Anything from nothing to the exponential wait.
        case fullJitter = "full-jitter"
        /// Anything from the first wait to three times the last one, up to the cap.
        case decorrelated
        /// The exponential wait capped, then ± a quarter: clients at the cap stay apart.
        case capThenJitter = "cap-then-jitter"
        /// The exponential wait ± a quarter, then capped: clients at the cap come back together. A known mistake.
        case jitterThenCap = "jitter-then-cap"
    }

    /// The model.
    public var model: Model
    /// The first wait.
    public var first: Nanoseconds
    /// The longest wait.
    public var cap: Nanoseconds
    /// How often it tries.
    public var tries: Int

    /// A way of waiting; as given, the seed's.
    public init(
        _ model: Model = .exponential, first: Nanoseconds = .seconds(1), cap: Nanoseconds = .seconds(30),
        tries: Int = 10
    ) {
        (self.model, self.first, self.cap, self.tries) = (model, first, cap, tries)
    }

    /// The wait before try `attempt` (from 0), when the last one was `previous`.
    public func delay(
        attempt: Int, after previous: Nanoseconds, using generator: inout SeededGenerator
    ) -> Nanoseconds {
        let (first, cap) = (Double(first.count), Double(cap.count))
        let grown = first * exp2(Double(min(attempt, 62)))
        let jitter = { (generator: inout SeededGenerator) in 0.75 + generator.fraction() / 2 }
        let wait: Double =
            switch model {
            case .constant: first
            case .exponential: min(grown, cap)
            case .fullJitter: min(grown, cap) * generator.fraction()
            case .decorrelated:
                min(
                    cap,
                    first + generator.fraction() * max(0, 3 * Double(max(previous.count, self.first.count)) - first))
            case .capThenJitter: min(grown, cap) * jitter(&generator)
            case .jitterThenCap: min(grown * jitter(&generator), cap)
            }
        return Nanoseconds(Int64(min(wait, 9e18)))
    }
}
