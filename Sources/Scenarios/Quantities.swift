import Observations

/// Reads the quantities of a scenario: `250 ms`, `20/s`, `64 KiB`. `nil` when it is none, or out of bounds.
enum Quantities {
    /// A length of time, at most thirty days: `10 s`, `1.5 min`, `250ms`, `0`.
    static func duration(_ text: some StringProtocol) -> Nanoseconds? {
        guard let (number, unit) = split(text) else { return nil }
        let factors: [String: Double] = [
            "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "m": 60e9, "h": 3600e9,
        ]
        guard let factor = unit.isEmpty && number == 0 ? 1 : factors[unit] else { return nil }
        return Int64(exactly: (number * factor).rounded()).flatMap {
            $0 <= 30 * 86_400_000_000_000 ? Nanoseconds($0) : nil
        }
    }

    /// A length of time as `duration` reads it, exactly.
    static func words(_ length: Nanoseconds) -> String {
        for (unit, factor) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)] as [(String, Int64)]
        where length.count % factor == 0 { return "\(length.count / factor) \(unit)" }
        return "\(length.count) ns"
    }

    /// Events a second, at most a million: `20/s`, `90/min`.
    static func rate(_ text: some StringProtocol) -> Double? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let (number, unit) = split(parts[0]), unit.isEmpty else { return nil }
        let factors: [String: Double] = ["s": 1, "min": 1 / 60, "m": 1 / 60, "h": 1 / 3600]
        let per = String(parts[1].filter { $0 != " " })
        guard let factor = factors[per], number * factor <= 1_000_000 else { return nil }
        return number * factor
    }

    /// A number of bytes, at most 1 GiB: `100`, `64 KiB`, `1 MB`.
    static func bytes(_ text: some StringProtocol) -> Int? {
        guard let (number, unit) = split(text) else { return nil }
        let factors: [String: Double] = [
            "": 1, "B": 1, "kB": 1e3, "KB": 1e3, "KiB": 1024, "MB": 1e6, "MiB": 1_048_576, "GiB": 1_073_741_824,
        ]
        guard let factor = factors[unit], number * factor <= 1_073_741_824 else { return nil }
        return Int(exactly: (number * factor).rounded())
    }

    /// A number without a unit.
    static func number(_ text: some StringProtocol) -> Double? {
        split(text).flatMap { $0.unit.isEmpty ? $0.number : nil }
    }

    /// A number and what stands behind it.
    private static func split(_ text: some StringProtocol) -> (number: Double, unit: String)? {
        let text = String(text.filter { $0 != " " && $0 != "_" })
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite, number >= 0 else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }
}
