import Analysis
public import Scenarios

/// Every metric's value at the end of a run, by its subject: `tasks.growth`, `consumers.alive{chat.Chat}`.
public struct Readings: Hashable, Sendable {
    /// Values by subject. What could not be measured is not there.
    public var values: [String: Double]
    /// WebSockets that were opened.
    public var connections: Int
    /// Those of the rounds before: what is left of them is among what is alive, and not among what has grown.
    public var warmedUp: Int
    /// What there is more of, or who made it, by metric.
    public var suspects: [String: [Suspect]]

    /// Readings.
    public init(
        values: [String: Double], connections: Int, warmedUp: Int = 0, suspects: [String: [Suspect]] = [:]
    ) {
        (self.values, self.connections, self.warmedUp, self.suspects) = (values, connections, warmedUp, suspects)
    }

    /// Reads all metrics, and those known by consumer class for each class too.
    public init(_ measured: Measurements, warmedUp: Int = 0) {
        self.warmedUp = warmedUp
        connections = measured.clients.opened
        values = [:]
        suspects = measured.evidence?.suspects ?? [:]
        if let evidence = measured.evidence, let before = measured.baseline {
            suspects.merge(Populations(evidence).suspects(since: before)) { one, _ in one }
        }
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
        let opened = connections + (rule.metric.countsFromStart ? warmedUp : 0)
        return opened > 0 ? value / Double(opened) : nil
    }
}
