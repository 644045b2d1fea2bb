public import Analysis
import Observations
import Statistics

/// One frame of the live view: a report squeezed into a terminal of some size. Pure: a report in, lines out.
///
/// Findings first, then loops, consumers, tasks and functions; each section gets its share of the height, and what is not
/// needed goes to the functions. No line is wider than the terminal, and none of the target's names can make it obey.
public struct TopScreen {
    /// What kind of line it is: one weight for a whole line, so that it can be cut anywhere.
    private enum Weight { case plain, bold, dim, bad, good }

    private let report: ReportDocument
    private let columns: Int
    private let rows: Int
    private let style: TextStyle
    private let command: String

    /// A frame for a terminal of `columns` × `rows` characters, under the name of the command that shows it.
    public init(
        _ report: ReportDocument, columns: Int, rows: Int, style: TextStyle, command: String = "loopscope top"
    ) {
        (self.report, self.command) = (report, command)
        self.columns = min(max(columns, 20), 1000)
        self.rows = min(max(rows, 4), 1000)
        self.style = style
    }

    /// The lines, at most as many as the terminal has.
    public var lines: [String] {
        var lines = [(header, Weight.bold)] + findings
        for section in [loops, consumers, tasks, functions] {
            let room = rows - lines.count
            guard room >= 3, section.rows.count > 1 else { continue }
            lines.append(("", .plain))
            let share = section.isLast ? room - 1 : min(room - 1, max(2, room / 3))
            for (index, row) in section.rows.prefix(share).enumerated() {
                lines.append((row, index == 0 ? .dim : .plain))
            }
        }
        return lines.prefix(rows).map { text, weight in styled(cut(text), weight) }
    }

    private func cut(_ text: String) -> String {
        text.count <= columns ? text : String(text.prefix(columns - 1)) + "…"
    }

    private func styled(_ text: String, _ weight: Weight) -> String {
        switch weight {
        case .plain: text
        case .bold: style.bold(text)
        case .dim: style.dim(text)
        case .bad: style.red(text)
        case .good: style.green(text)
        }
    }

    private var header: String {
        guard let start = report.start else { return "\(command): nothing was seen yet" }
        var facts = [command, start.description.plain(limit: 80)]
        if let pid = start.pid { facts.append("pid \(pid)") }
        facts.append("\(report.duration.seconds.fixed(0)) s")
        if let process = report.processes.first {
            facts.append("cpu \(process.cpuPercent.cell(0, " %"))")
            if let gil = report.gilPercent(of: process.last.pid) { facts.append("GIL \(gil.fixed(0)) %") }
            facts.append("rss \(megabytes(process.last.residentBytes))")
            if let descriptors = process.last.descriptors { facts.append("fds \(descriptors)") }
        }
        return facts.joined(separator: " · ") + " · q quits"
    }

    /// Two lines each, in at most half of the height.
    private var findings: [(String, Weight)] {
        guard !report.findings.isEmpty else {
            return [
                report.checked.isEmpty
                    ? ("? nothing could be checked yet", .dim)
                    : ("✓ nothing found: checked \(report.checked.joined(separator: " "))", .good)
            ]
        }
        let room = max(1, (rows / 2 - 1) / 2)
        var lines: [(String, Weight)] = []
        for finding in report.findings.prefix(room) {
            let subject = finding.consumer.map { "\($0.plain(limit: 128)): " } ?? ""
            lines.append(("✗ \(subject)\(finding.title) ×\(finding.count)  \(finding.code)", .bad))
            let place = finding.location.map { Place.text($0) + "  " } ?? ""
            lines.append(("    \(place)fix: \(finding.fix.plain())", .plain))
        }
        if report.findings.count > room { lines.append(("  and \(report.findings.count - room) more", .dim)) }
        return lines
    }

    private struct Section {
        var rows: [String]
        var isLast = false
    }

    private var plain: TextStyle { TextStyle(colours: false) }

    private var loops: Section {
        var table = TextTable(columns: [
            ("loop", .left), ("thread", .left), ("ticks/s", .right), ("busy", .right), ("tick p50", .right),
            ("p99", .right),
            ("ready", .right),
        ])
        for loop in report.loops.prefix(8) {
            let tick = { (nanoseconds: Int64?) in nanoseconds.map { Nanoseconds($0).short } ?? "-" }
            table.rows.append([
                loop.loop.plain(limit: 24), loop.thread.plain(limit: 24), loop.ticksPerSecond.cell(0),
                loop.loadPercent.cell(0, " %"), tick(loop.ticks.value(at: 0.5)), tick(loop.ticks.value(at: 0.99)),
                loop.readyHandles.cell,
            ])
        }
        return Section(rows: table.lines(plain))
    }

    private var consumers: Section {
        // What only whoever counts every event knows.
        let isCounted = report.ledger.entries.contains { $0.opened != nil }
        let counts = ["opened", "closed", "disconnects", "dispatches/s"].map { ($0, TextTable.Alignment.right) }
        var table = TextTable(
            columns: [
                ("consumer", .left), ("alive", .right), ("open", .right), ("stuck", .right), ("tasks", .right),
            ] + (isCounted ? counts : []))
        for entry in report.ledger.entries.sorted(by: { ($0.alive ?? 0) > ($1.alive ?? 0) }) {
            let counts = [
                entry.opened.cell, entry.closed.cell, entry.disconnectsDelivered.cell,
                entry.dispatchesPerSecond.cell(0),
            ]
            table.rows.append(
                [
                    entry.consumer.map { $0.plain(limit: 64) } ?? "(no consumer)", entry.alive.cell, entry.open.cell,
                    entry.stuck.cell, entry.tasks.cell,
                ] + (isCounted ? counts : []))
        }
        return Section(rows: table.lines(plain))
    }

    private var tasks: Section {
        var table = TextTable(columns: [
            ("tasks", .right), ("state", .left), ("coroutine", .left), ("waits for", .left),
        ])
        for row in report.tasks.flatMap(\.groups).sorted(by: { ($0.count, $1.name) > ($1.count, $0.name) }) {
            table.rows.append([
                row.count.spaced, row.state.rawValue, row.name.plain(limit: 64),
                row.waitsFor.map { $0.plain(limit: 48) } ?? "-",
            ])
        }
        return Section(rows: table.lines(plain))
    }

    private var functions: Section {
        var table = TextTable(columns: [("%Own", .right), ("%Total", .right), ("Function (file:line)", .left)])
        for row in report.profile.functions.prefix(rows) {
            table.rows.append([row.ownPercent.fixed(1), row.totalPercent.fixed(1), Place.text(row.frame)])
        }
        return Section(rows: table.lines(plain), isLast: true)
    }
}
