public import Gate
public import Scenarios
import Statistics

/// What a played scenario came to, as JSON: the keys `scenario`, `clients` and `checks` beside a report's.
public enum ReplayJSON {
    /// The entries to be added to a report.
    public static func entries(_ outcome: ReplayOutcome) -> [(String, JSONValue)] {
        [
            ("scenario", ["name": .string(outcome.scenario), "seed": .string(String(outcome.seed))]),
            (
                "driver",
                ["cpu_percent": JSONValue(outcome.driverCPU), "bottleneck": .bool(outcome.driverWasBottleneck)]
            ),
            ("clients", .array(outcome.phases.map(phase))),
            (
                "checks",
                .array(
                    outcome.checks.map { result in
                        [
                            "check": .string(result.check.source), "phase": .string(result.phase),
                            "metric": .string(result.check.metric.name), "consumer": JSONValue(result.check.consumer),
                            "value": JSONValue(result.value), "outcome": .string(result.outcome.rawValue),
                        ]
                    })
            ),
        ]
    }

    /// Where it came from, when that was a browser.
    public static func entries(_ capture: Capture?) -> [(String, JSONValue)] {
        guard let capture else { return [] }
        return [
            (
                "capture",
                [
                    "host": .string(capture.host), "connections": .int(capture.connections.count),
                    "sent": .int(capture.sent), "received": .int(capture.received), "redacted": .int(capture.redacted),
                ]
            )
        ]
    }

    private static func phase(_ phase: ReplayOutcome.PhaseOutcome) -> JSONValue {
        let clients = phase.clients
        return [
            "phase": .string(phase.name), "started": .int(clients.started), "opened": .int(clients.opened),
            "refused": .int(clients.refused), "closed": .int(clients.closed), "failed": .int(clients.failed),
            "sent": .int(clients.sent), "received": .int(clients.received), "lost": .int(clients.lost),
            "duplicated": .int(clients.duplicated),
            "settled": phase.isSettled.map(JSONValue.bool) ?? .null,
            "connect_seconds": timing(clients.connect), "latency_seconds": timing(clients.latency),
            "lateness_seconds": quantiles(clients.lateness),
            "failures": .array(
                clients.failures.sorted { ($0.value, $1.key.what) > ($1.value, $0.key.what) }.map { failure, count in
                    ["step": .string(failure.step), "what": .string(failure.what), "clients": .int(count)]
                }),
        ]
    }

    private static func timing(_ timing: ClientTally.Timing) -> JSONValue {
        ["raw": quantiles(timing.raw), "corrected": quantiles(timing.corrected)]
    }

    private static func quantiles(_ histogram: some QuantileSource) -> JSONValue {
        func seconds(_ quantile: Double) -> JSONValue {
            JSONValue(histogram.value(at: quantile).map { Double($0) / 1e9 })
        }
        return [
            "p50": seconds(0.5), "p90": seconds(0.9), "p99": seconds(0.99), "p999": seconds(0.999), "max": seconds(1),
        ]
    }
}
