public import Gate
import Observations

/// Waiting until a server stands still.
public struct Settling: Sendable {
    /// What there was at the end.
    public var populations: Populations
    /// Whether it stood still; else the deadline came first.
    public var isSettled: Bool

    /// How many counts in a row must be the same.
    static let sameInARow = 3
    /// Counts after which a server that does not stand still has had its chance.
    private static let leastCounts = 2 * sameInARow

    /// Waits until three counts in a row are the same, or until the time is over.
    ///
    /// Each count must rest on something newer than the one before: looking twice at one census proves nothing. A server on
    /// a crowded machine is counted seldom: as long as there were too few counts to tell, the time is doubled, twice.
    public static func wait(within limit: Duration, _ session: LiveSession) async throws -> Settling {
        let clock = ContinuousClock()
        let start = clock.now
        var last = Populations(try session.evidence())
        var (same, counts) = (1, 0)
        while clock.now < start + limit * (counts < leastCounts ? 4 : 1) {
            // The cadence of looking; what counts is whether something newer was seen.
            try await Task.sleep(for: .milliseconds(100), tolerance: .milliseconds(10), clock: clock)
            let next = Populations(try session.evidence())
            guard next.time > last.time else { continue }
            same = next.standsStill(since: last) ? same + 1 : 1
            last = next
            counts += 1
            if same >= sameInARow { return Settling(populations: last, isSettled: true) }
        }
        return Settling(populations: last, isSettled: false)
    }
}
