/// What can say below which value a fraction of all values lies.
public protocol QuantileSource {
    /// That value; `nil` when nothing was counted.
    func value(at quantile: Double) -> Int64?
}

extension DurationHistogram: QuantileSource {}
