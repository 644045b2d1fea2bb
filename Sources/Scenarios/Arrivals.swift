import Glibc
public import Observations

/// When clients arrive, whatever the server does (an open model): a slow server does not make them come later.
public struct Arrivals: Hashable, Sendable {
    /// How they are spread.
    public enum Shape: String, Hashable, Sendable, CaseIterable {
        /// Evenly.
        case even
        /// As independent people come: gaps are exponential.
        case poisson
    }

    /// Clients a second at the start.
    public var from: Double
    /// Clients a second at the end; between, the rate changes evenly.
    public var to: Double
    /// How long clients arrive.
    public var duration: Nanoseconds
    /// How they are spread.
    public var shape: Shape

    /// Most clients that one phase may bring.
    public static let limit = 1_000_000

    /// Arrivals at a rate, or from one rate to another.
    public init(from: Double, to: Double? = nil, for duration: Nanoseconds, shape: Shape = .even) {
        (self.from, self.to, self.duration, self.shape) = (from, to ?? from, duration, shape)
    }

    /// How many are expected.
    public var expected: Double { (from + to) / 2 * duration.seconds }

    /// When each arrives, from the start of the phase, in order; the same for the same generator.
    ///
    /// The mean count by time t is `from·t + (to − from)·t²/2T`; the n-th even arrival is where it reaches n, and a
    /// Poisson process is the same with sums of exponential gaps in place of n.
    public func times(using generator: inout SeededGenerator) -> [Nanoseconds] {
        let length = duration.seconds
        var times: [Nanoseconds] = []
        var mass = 0.0
        while times.count < Self.limit {
            let count = shape == .even ? Double(times.count) : mass - log(1 - generator.fraction())
            mass = count
            guard let time = moment(of: count, length: length), time < length else { break }
            times.append(Nanoseconds(Int64(time * 1e9)))
        }
        return times
    }

    /// Where the mean count reaches `count`, in seconds; `nil` when it never does.
    private func moment(of count: Double, length: Double) -> Double? {
        guard length > 0 else { return nil }
        let slope = (to - from) / length
        if abs(slope) < 1e-12 { return from > 0 ? count / from : nil }
        let root = from * from + 2 * slope * count
        guard root >= 0 else { return nil }
        return (root.squareRoot() - from) / slope
    }
}
