import Analysis
import Observations

extension Int? {
    /// The number, or `-` when it could not be had.
    var cell: String { map(\.spaced) ?? "-" }
}

extension Double {
    /// With `places` decimals.
    func fixed(_ places: Int = 1) -> String {
        guard isFinite, abs(self) < 1e15 else { return isFinite ? "\(self)" : "-" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((abs(self) * scale).rounded())
        let whole = scaled / Int(scale)
        let rest = String(scaled % Int(scale))
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return sign + whole.spaced }
        return sign + whole.spaced + "." + String(repeating: "0", count: places - rest.count) + rest
    }
}

extension Double? {
    /// With `places` decimals and a unit, or `-` when it could not be had.
    func cell(_ places: Int = 1, _ unit: String = "") -> String { map { $0.fixed(places) + unit } ?? "-" }
}

extension Nanoseconds {
    /// `0.4 ms`, `12 ms`, `1.5 s`.
    var short: String {
        switch count {
        case ..<1_000_000: (Double(count) / 1000).fixed(0) + " µs"
        case ..<100_000_000: (Double(count) / 1e6).fixed(1) + " ms"
        case ..<1_000_000_000: (Double(count) / 1e6).fixed(0) + " ms"
        default: (Double(count) / 1e9).fixed(1) + " s"
        }
    }
}

/// `61 MB`, decimal.
func megabytes(_ bytes: Int) -> String { (Double(bytes) / 1e6).fixed(1) + " MB" }
