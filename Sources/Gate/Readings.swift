import Analysis
public import Scenarios

/// Every metric's value at the end of a run, by its subject: `tasks.growth`, `consumers.alive{chat.Chat}`.
public struct Readings: Hashable, Sendable {
    /// Values by subject. What could not be measured is not there.
    public var values: [String: Double]
    /// WebSockets that were opened.
    public var connections: Int

    /// Readings.
    public init(values: [String: Double], connections: Int) { (self.values, self.connections) = (values, connections) }

    /// Reads all metrics, and those known by consumer class for each class too.
    public init(_ measured: Measurements) {
        connections = measured.clients.opened
        values = [:]
        for metric in Metric.all {
            if let value = measured.value(of: metric), value.isFinite { values[metric.name] = value }
            guard metric.byConsumer, let evidence = measured.evidence else { continue }
            for consumer in evidence.knownConsumers {
                guard let value = measured.value(of: metric, consumer: consumer) else { continue }
                values["\(metric.name){\(consumer)}"] = value
            }
        }
    }

    /// The value a rule speaks of; `nil` when it could not be measured.
    ///
    /// A class that nobody has seen is unknown: it may be misspelt.
    public func value(of rule: Budget.Rule) -> Double? {
        guard let value = values[rule.measured] else { return nil }
        guard rule.perConnection else { return value }
        return connections > 0 ? value / Double(connections) : nil
    }
}
