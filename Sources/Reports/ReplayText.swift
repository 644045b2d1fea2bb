import Analysis
public import Gate
import Observations
public import Scenarios
import Statistics

/// What a played scenario came to, for a terminal: clients per phase, how their scripts failed, and the checks.
public struct ReplayText {
    private let outcome: ReplayOutcome
    private let style: TextStyle

    /// A text in the given style.
    public init(_ outcome: ReplayOutcome, style: TextStyle = TextStyle(colours: false)) {
        (self.outcome, self.style) = (outcome, style)
    }

    /// The whole text, ending in a line end.
    public var text: String {
        let sections = [checks, clients, failures, remarks].filter { !$0.isEmpty }
        return sections.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    /// What a browser recorded.
    public static func sentence(_ capture: Capture) -> String {
        let secrets =
            capture.redacted > 0
            ? "; \(capture.redacted.counted("secret")) in its addresses left out, as its cookies and header fields are"
            : ""
        return
            "recorded at \(capture.host.plain(limit: 100)): \(capture.connections.count.counted("WebSocket")), \(capture.sent.counted("message")) sent, \(capture.received.spaced) received\(secrets)"
    }

    private var checks: [String] {
        outcome.checks.map { result in
            let sign =
                switch result.outcome {
                case .held: style.green("✓")
                case .failed: style.red("✗")
                case .unknown: style.yellow("?")
                }
            return "\(sign) \(result.text.plain())  \(style.dim("after " + result.phase.plain()))"
        }
    }

    private var clients: [String] {
        var table = TextTable(columns: [
            ("phase", .left), ("clients", .right), ("opened", .right), ("refused", .right), ("closed", .right),
            ("failed", .right), ("sent", .right), ("received", .right), ("connect p50", .right), ("p99", .right),
            ("reply p50", .right), ("p99", .right), ("p99 as measured", .right), ("settled", .left),
        ])
        for phase in outcome.phases {
            let clients = phase.clients
            table.rows.append([
                phase.name.plain(limit: 32), clients.started.spaced, clients.opened.spaced, clients.refused.spaced,
                clients.closed.spaced, clients.failed.spaced, clients.sent.spaced, clients.received.spaced,
                quantile(clients.connect.corrected, 0.5), quantile(clients.connect.corrected, 0.99),
                quantile(clients.latency.corrected, 0.5), quantile(clients.latency.corrected, 0.99),
                quantile(clients.latency.raw, 0.99), phase.isSettled.map { $0 ? "yes" : "no" } ?? "-",
            ])
        }
        return table.rows.isEmpty ? [] : [style.bold("Clients")] + table.lines(style)
    }

    private func quantile(_ histogram: some QuantileSource, _ quantile: Double) -> String {
        histogram.value(at: quantile).map { Nanoseconds($0).short } ?? "-"
    }

    private var failures: [String] {
        let rows = outcome.clients.failures.sorted { ($0.value, $1.key.what) > ($1.value, $0.key.what) }.prefix(12)
        return rows.map { failure, count in
            "\(style.red("✗")) \(count.counted("client")) failed at `\(failure.step)`: \(failure.what.plain(limit: 160))"
        }
    }

    private var remarks: [String] {
        var lines: [String] = []
        let clients = outcome.clients
        if clients.lost + clients.duplicated > 0 {
            lines.append(
                "\(clients.lost.counted("message")) of a sequence lost, \(clients.duplicated.spaced) came twice")
        }
        if outcome.driverWasBottleneck {
            lines.append(
                style.yellow("!") + " the client was the bottleneck: it did what was due "
                    + quantile(clients.lateness, 0.99) + " late (p99); read its times as upper bounds")
        } else if clients.lateness.total > 0 {
            lines.append(style.dim("the driver was at most \(quantile(clients.lateness, 0.99)) late (p99)"))
        }
        if let cpu = outcome.driverCPU, !lines.isEmpty {
            lines[lines.count - 1] += style.dim("; it took \(Int(cpu.rounded())) % of a core")
        }
        return lines
    }
}
