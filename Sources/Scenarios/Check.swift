import Observations

/// What must hold of a metric: `consumers.stuck == 0`, `cpu.percent < 2`, `latency.p99 <= 50 ms`.
///
/// For one class: `consumers.alive{chat.consumers.ChatConsumer} <= 3`.
public struct Check: Hashable, Sendable {
    /// How two numbers are compared.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        /// At most.
        case atMost = "<="
        /// At least.
        case atLeast = ">="
        /// The same.
        case equal = "=="
        /// Not the same.
        case different = "!="
        /// Less.
        case less = "<"
        /// More.
        case more = ">"
    }

    /// The metric.
    public var metric: Metric
    /// The consumer class it is asked for; `nil` for all together.
    public var consumer: String?
    /// The comparison.
    public var comparison: Comparison
    /// The number, in the metric's unit.
    public var bound: Double
    /// As it was written.
    public var source: String

    /// Whether a value satisfies it.
    public func holds(for value: Double) -> Bool {
        switch comparison {
        case .atMost: value <= bound
        case .atLeast: value >= bound
        case .equal: value == bound
        case .different: value != bound
        case .less: value < bound
        case .more: value > bound
        }
    }

    /// Reads a check.
    init(_ field: Field) throws(ScenarioError) {
        source = try field.text()
        guard
            let (comparison, range) = Comparison.allCases.lazy.compactMap({ [source] comparison in
                source.firstRange(of: comparison.rawValue).map { (comparison, $0) }
            }).first
        else {
            throw field.error(
                "`\(source.prefix(80))` compares nothing", remedy: "write it like `consumers.stuck == 0`")
        }
        self.comparison = comparison
        let left = source[..<range.lowerBound].trimmed
        let right = source[range.upperBound...].trimmed
        var name = left
        if let open = left.firstIndex(of: "{"), left.last == "}" {
            name = left[..<open].trimmed
            consumer = String(left[left.index(after: open)...].dropLast().trimmed)
        }
        metric = try Self.metric(named: String(name), field)
        if consumer != nil, !metric.byConsumer {
            throw field.error("`\(metric.name)` is not known by consumer class", remedy: "leave out the braces")
        }
        bound = try Self.bound(String(right), of: metric.unit, named: metric.name, field)
    }

    /// The metric of a name.
    static func metric(named name: String, _ field: Field) throws(ScenarioError) -> Metric {
        if let metric = Metric.named(name) { return metric }
        let near = nearest(to: name, among: Metric.all.map(\.name)).map { "did you mean `\($0)`? " } ?? ""
        throw field.error(
            "there is no metric `\(name.prefix(60))`",
            remedy: near + "there are: \(Metric.all.map(\.name).joined(separator: ", "))")
    }

    /// A number in the unit of a metric.
    static func bound(
        _ text: String, of unit: Metric.Unit, named name: String, _ field: Field
    ) throws(ScenarioError) -> Double {
        if let value = value(text[...], of: unit) { return value }
        let example = [Metric.Unit.count: "0", .seconds: "50 ms", .percent: "2", .bytes: "10 MB"][unit] ?? "0"
        throw field.error("`\(text.prefix(40))` is no value of `\(name)`", remedy: "write it like `\(example)`")
    }

    private static func value(_ text: Substring, of unit: Metric.Unit) -> Double? {
        switch unit {
        case .count: return Quantities.number(text)
        case .percent: return Quantities.number(text.last == "%" ? text.dropLast() : text)
        case .seconds: return Quantities.duration(text)?.seconds
        case .bytes: return Quantities.bytes(text).map(Double.init)
        }
    }
}

extension StringProtocol where SubSequence == Substring {
    /// Without white space at both ends.
    var trimmed: Substring {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
