import Observations
public import Analysis
public import Scenarios
import Statistics

/// The values of all metrics at one instant: what the server shows, what the clients saw.
public struct Measurements: Sendable {
    /// What the server shows; `nil` when only its clients can be seen.
    public var evidence: Evidence?
    /// What there was before the first client.
    public var baseline: Populations?
    /// What the clients saw.
    public var clients: ClientTally
    /// CPU of the server while it was settled, in percent of one core.
    public var settledCPU: Double?
    /// From SIGTERM to the end of a launched server, in seconds.
    public var exitSeconds: Double?
    /// How many findings there are.
    public var findings: Int?

    /// Measurements.
    public init(
        evidence: Evidence? = nil, baseline: Populations? = nil, clients: ClientTally, settledCPU: Double? = nil,
        exitSeconds: Double? = nil, findings: Int? = nil
    ) {
        (self.evidence, self.baseline, self.clients) = (evidence, baseline, clients)
        (self.settledCPU, self.exitSeconds, self.findings) = (settledCPU, exitSeconds, findings)
    }

    /// The value of a metric, of one consumer class if it is asked for; `nil` when it could not be measured.
    public func value(of metric: Metric, consumer: String? = nil) -> Double? {
        if !metric.needsServer { return clientValue(metric.name) }
        if metric.byConsumer { return consumerValue(metric.name, consumer) }
        let now = evidence.map(Populations.init)
        switch metric.name {
        case "consumers.growth": return growth(now?.consumers, baseline?.consumers)
        case "groups.growth": return growth(now?.members, baseline?.members)
        case "loops.per_request": return loopsPerRequest(now?.flow, baseline?.flow)
        case "dispatches.per_message": return evidence.flatMap(Self.dispatchesPerMessage)
        case "tasks.growth": return growth(now?.tasks, baseline?.tasks)
        case "fds.growth": return growth(now?.descriptors, baseline?.descriptors)
        case "threads.growth": return growth(now?.threads, baseline?.threads)
        case "loops.growth": return growth(now?.loops, baseline?.loops)
        case "rss.growth": return growth(now?.residentBytes, baseline?.residentBytes)
        case "cpu.percent": return settledCPU
        case "exit.seconds": return exitSeconds
        case "findings": return findings.map(Double.init)
        default: return nil
        }
    }

    private func growth(_ now: Int?, _ before: Int?) -> Double? {
        guard let now, let before else { return nil }
        return Double(now - before)
    }

    /// Of a WSGI server that counts its requests, and has served some since.
    private func loopsPerRequest(_ now: Populations.Flow?, _ before: Populations.Flow?) -> Double? {
        guard let now, let before, let made = growth(now.bridges, before.bridges),
            let served = growth(now.requests, before.requests), served > 0
        else { return nil }
        return made / served
    }

    /// 1 where each message is dispatched once; exact evidence only.
    private static func dispatchesPerMessage(_ evidence: Evidence) -> Double? {
        guard evidence.start?.grade == .exact else { return nil }
        let all = evidence.dispatchWindows.reduce(0) { $0 + $1.count }
        let again = evidence.dispatchWindows.reduce(0) { $0 + $1.afterDisconnect }
        return all > again ? Double(all) / Double(all - again) : nil
    }

    private func consumerValue(_ name: String, _ consumer: String?) -> Double? {
        guard let evidence else { return nil }
        let entries = evidence.ledger.entries.filter { entry in
            entry.consumer != nil && (consumer == nil || entry.consumer == consumer)
        }
        let counted = !evidence.connectionCensuses.isEmpty || evidence.start?.grade == .exact
        guard counted else { return nil }
        // A class that nobody has seen, then or now, may be a misspelt one: its counts are unknown, not 0.
        if let consumer, !evidence.knownConsumers.contains(consumer) { return nil }
        func sum(_ part: (LedgerEntry) -> Int?) -> Double { Double(entries.compactMap(part).reduce(0, +)) }
        switch name {
        case "consumers.alive": return sum(\.alive)
        case "consumers.stuck": return sum(\.stuck)
        case "tasks.leaked":
            // Exact accounts: tasks without an owner. Read ones: the tasks of instances whose socket is gone.
            if evidence.start?.grade == .exact { return sum { $0.open == 0 ? $0.tasks : nil } }
            let instances = evidence.lastInstances.filter { consumer == nil || $0.consumer == consumer }
            return Double(instances.filter { $0.socket == .closed }.reduce(0) { $0 + $1.tasks })
        case "groups.leaked":
            // Read ones belong to no class: a member is a channel that nobody receives from.
            if let stale = evidence.staleMembers { return consumer == nil ? Double(stale) : nil }
            let known = entries.filter { $0.groupsJoined != nil }
            guard !known.isEmpty else { return nil }
            return Double(known.reduce(0) { $0 + ($1.open == 0 ? ($1.groupsJoined ?? 0) - ($1.groupsLeft ?? 0) : 0) })
        case "disconnects.per_instance":
            let most = evidence.lastInstances.filter { consumer == nil || $0.consumer == consumer }
                .compactMap(\.disconnects).max()
            if let most { return Double(most) }
            let rates = entries.compactMap { entry -> Double? in
                guard let delivered = entry.disconnectsDelivered, let closed = entry.closed, closed > 0 else {
                    return nil
                }
                return Double(delivered) / Double(closed)
            }
            return rates.max()
        default: return nil
        }
    }

    private func clientValue(_ name: String) -> Double? {
        switch name {
        case "clients.opened": return Double(clients.opened)
        case "clients.refused": return Double(clients.refused)
        case "connects.peak": return Double(clients.connectPeak)
        case "clients.failed": return Double(clients.failed)
        case "messages.sent": return Double(clients.sent)
        case "messages.received": return Double(clients.received)
        case "messages.lost": return Double(clients.lost)
        case "messages.duplicated": return Double(clients.duplicated)
        default: break
        }
        let parts = name.split(separator: ".")
        guard parts.count == 2 else { return nil }
        let histogram = parts[0] == "connect" ? clients.connect.corrected : clients.latency.corrected
        let quantiles: [Substring: Double] = ["p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1]
        return quantiles[parts[1]].flatMap { histogram.value(at: $0) }.map { Double($0) / 1e9 }
    }
}

extension Evidence {
    /// The instances of the last census of each process that have a row of their own.
    var lastInstances: [ConsumerInstance] { lastCensuses.flatMap(\.instances) }

    /// Consumer classes that were seen at any time: one whose instances have all ended is in no last census.
    var knownConsumers: Set<String> {
        Set(ledger.entries.compactMap(\.consumer)).union(connectionCensuses.flatMap { $0.consumers.map(\.consumer) })
    }

    /// Members of groups that nobody receives from, in the last census of each process; `nil` when no layer keeps its
    /// groups where they can be read.
    var staleMembers: Int? {
        let stale = lastCensuses.flatMap(\.layers).compactMap(\.stale)
        return stale.isEmpty ? nil : stale.reduce(0, +)
    }
}
