import FoundationEssentials

/// Wall-clock times as text: Gregorian, UTC.
enum Timestamp {
    /// `2026-11-21T10:00:00Z`, from seconds since 1970. A recording is hostile: other years than 1 to 9999 are cut.
    static func utc(_ seconds: Double) -> String {
        let bounded = min(max(seconds.isFinite ? seconds : 0, -62_135_596_800), 253_402_300_799)
        return Date(timeIntervalSince1970: bounded.rounded(.down)).formatted(.iso8601)
    }
}
