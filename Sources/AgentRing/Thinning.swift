/// Which of the dispatches that were told one by one are kept of one look: a session holds its events in memory.
///
/// A server tells a few of each instance. Where thousands come at once they are alike, counters say how many there were, and those
/// that failed say the most: of them ten times as many are kept. Everything else is kept whole.
struct Thinning {
    /// Most dispatches that are kept of one look.
    static let most = 100

    private var failed = 0
    private var others = 0

    /// Whether a record is kept.
    mutating func keeps(_ record: RingRecord) -> Bool {
        guard record.kind == .dispatched else { return true }
        // connections.py: THREW.
        if record.detail == 3 {
            failed += 1
            return failed <= 10 * Self.most
        }
        others += 1
        return others <= Self.most
    }
}
