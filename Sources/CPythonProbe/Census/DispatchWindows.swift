import Clocks
import Observations

/// The time between one look at some instances of a class and the next, many times over: how long it was, and how many of
/// them were dispatched in it.
///
/// An instance that was dispatched twice looks like one that was dispatched once. So windows are kept by their length, and
/// those count in which few were dispatched at all: they begin at any time, so they tell the rate whether an instance is
/// dispatched regularly or at random. Pure.
struct DispatchWindows {
    /// Windows of one order of length, one for each instance.
    private struct Order {
        var (windows, hits) = (0, 0)
        var length = Nanoseconds.zero
    }

    /// Their lengths differ by no more than three times.
    private var orders = [Order](repeating: Order(), count: 20)
    /// Where more are hit, some are likely to have been hit twice.
    private static let mostHits = 0.4
    /// Fewer windows of a length say nothing.
    private static let least = 16

    /// Adds a window of `instances`, of which `hits` were dispatched.
    mutating func add(_ length: Nanoseconds, instances: Int, hits: Int) {
        guard length > .zero, instances > 0 else { return }
        var (order, rest) = (0, length.count / 1000)
        while rest > 0, order < orders.count - 1 { (order, rest) = (order + 1, rest / 3) }
        orders[order].windows += instances
        orders[order].hits += hits
        orders[order].length = orders[order].length + Nanoseconds(length.count * Int64(instances))
    }

    /// Dispatches seen in windows that are short enough for them, by `instances`; `nil` where none are.
    func count(instances: Int) -> DispatchCount? {
        let short = told.prefix { Double($0.hits) <= Self.mostHits * Double($0.windows) }
        guard !short.isEmpty, instances > 0 else { return nil }
        let length = short.reduce(Int64(0)) { $0 + $1.length.count }
        return DispatchCount(
            count: short.reduce(0) { $0 + $1.hits }, span: Nanoseconds(length / Int64(instances)), instances: instances)
    }

    /// How many of all windows were hit, and which part of them: with the same windows, whoever is dispatched more often has
    /// more. `nil` where too few were looked at.
    var hits: (count: Int, part: Double)? {
        guard !told.isEmpty else { return nil }
        let (hits, windows) = orders.reduce((0, 0)) { ($0.0 + $1.hits, $0.1 + $1.windows) }
        return (hits, Double(hits) / Double(windows))
    }

    private var told: [Order] { orders.filter { $0.windows >= Self.least } }
}
