public import Analysis
import Observations
import Statistics

/// The report for a terminal: plain words first, then the tables behind them.
///
/// Every name that came from the target is made plain: it may contain escapes.
public struct TextReport {
    /// Rows of the function table.
    public static let functionRows = 15

    let report: ReportDocument
    let style: TextStyle

    /// A report in the given style.
    public init(_ report: ReportDocument, style: TextStyle = TextStyle(colours: false)) {
        self.report = report
        self.style = style
    }

    /// The whole text, ending in a line end.
    public var text: String {
        var sections = [
            verdict, header, phases, ledger, loops, processes, bridges, tasks, hottest, functions, timeline,
        ]
        sections.append(foot)
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    /// The findings alone: what is printed the moment they stand.
    public var verdict: [String] {
        guard !report.findings.isEmpty else { return [nothingFound] }
        return Array(report.findings.map { FindingText(finding: $0, style: style).lines }.joined(separator: [""]))
    }

    private var nothingFound: String {
        let checked =
            report.checked.isEmpty ? "nothing could be checked" : "checked \(report.checked.joined(separator: " "))"
        let sign = report.checked.isEmpty ? style.yellow("?") : style.green("✓")
        return "\(sign) \(style.bold("Nothing found")): \(checked)"
    }

    private var header: [String] {
        guard let start = report.start else { return [style.dim("nothing was observed")] }
        var facts = [start.description.plain()]
        if let pid = start.pid { facts.append("pid \(pid)") }
        facts.append("\(report.duration.seconds.fixed(1)) s")
        let quality = report.quality
        if quality.taken + quality.torn > 0 {
            // Torn: what they stand for had gone before it could be compared, as with a target that was killed.
            let torn = quality.torn > 0 ? ", \(quality.torn.spaced) torn" : ""
            facts.append("\(quality.taken.spaced) samples, \(quality.lost.spaced) lost\(torn)")
        }
        facts.append("evidence: \(start.grade.rawValue)")
        var lines = [style.bold("Target") + "  " + facts.joined(separator: " · ")]
        if let process = report.processes.first {
            let gil = report.gilPercent(of: process.last.pid).map { "GIL: \($0.fixed(0)) %, " } ?? ""
            lines.append(
                "        \(gil)Active: \(process.cpuPercent.cell(0, " %")), Threads: \(process.last.threads.count)")
            if process.psMisleads {
                lines.append(
                    "        it takes \(process.cpuPercent.cell(0, " %")) of a core now; `ps` shows \(process.psPercent.cell(1, " %")), its average since the process began"
                )
            }
        }
        for process in report.processes where process.isStopped {
            let pid = process.last.pid
            lines.append(
                "        process \(pid) is stopped by a signal and does nothing: `kill -CONT \(pid)` lets it go on")
        }
        return lines
    }

    private var phases: [String] {
        guard report.phases.count > 1 else { return [] }
        return LedgerText.sideBySide(report.phases, style)
    }

    private var ledger: [String] {
        guard report.phases.count < 2, !report.ledger.entries.isEmpty else { return [] }
        guard report.ledger.entries.contains(where: { $0.opened != nil }) else {
            return [style.bold("Ledger")] + LedgerText.readTable(report.ledger).lines(style)
                + ["  " + style.dim(LedgerText.unknown)]
        }
        return [style.bold("Ledger")] + LedgerText.table(report.ledger).lines(style)
    }

    private var loops: [String] {
        var table = TextTable(columns: [
            ("loop", .left), ("thread", .left), ("ticks/s", .right), ("busy", .right), ("cpu", .right),
            ("tick p50", .right),
            ("p99", .right), ("max", .right), ("lag max", .right), ("ready", .right), ("timers", .right),
        ])
        for loop in report.loops.prefix(16) {
            let tick = { (nanoseconds: Int64?) in nanoseconds.map { Nanoseconds($0).short } ?? "-" }
            table.rows.append([
                loop.loop.plain(limit: 24), loop.thread.plain(limit: 24), loop.ticksPerSecond.cell(0),
                loop.busyPercent.cell(0, " %"), loop.cpuPercent.cell(0, " %"), tick(loop.ticks.value(at: 0.5)),
                tick(loop.ticks.value(at: 0.99)), tick(loop.ticks.maximum), loop.heartbeatLag?.short ?? "-",
                loop.readyHandles.cell, loop.timers.cell,
            ])
        }
        return table.rows.isEmpty ? [] : [style.bold("Loops")] + table.lines(style)
    }

    private var processes: [String] {
        var table = TextTable(columns: [
            ("pid", .right), ("name", .left), ("cpu now", .right), ("ps says", .right), ("waits for cpu", .right),
            ("rss", .right), ("fds", .right), ("limit", .right), ("threads", .right), ("sockets", .left),
        ])
        for process in report.processes.prefix(16) {
            let sockets = process.last.sockets.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.lowercased())" }
            table.rows.append([
                String(process.last.pid), process.last.name.plain(limit: 24), process.cpuPercent.cell(1, " %"),
                process.psPercent.cell(1, " %"), process.runQueuePercent.cell(1, " %"),
                megabytes(process.last.residentBytes), process.last.descriptors.cell, process.last.descriptorLimit.cell,
                process.last.threads.count.spaced, sockets.joined(separator: ", "),
            ])
        }
        return table.rows.isEmpty ? [] : [style.bold("Processes")] + table.lines(style)
    }

    private var bridges: [String] {
        var table = TextTable(columns: [
            ("pid", .right), ("loops made/s", .right), ("a request", .right), ("requests/s", .right),
            ("sharing saves", .right), ("samples", .right), ("made by", .left),
        ])
        for load in report.bridges.prefix(8) {
            table.rows.append([
                String(load.pid), load.perSecond.fixed(0), load.perRequestText, load.requestsText, load.savingText,
                load.samples.spaced,
                load.sites.prefix(3).map { "\($0.site.text.plain(limit: 64)) \($0.samples)" }.joined(separator: ", "),
            ])
        }
        return table.rows.isEmpty ? [] : [style.bold("Bridges")] + table.lines(style)
    }

    private var tasks: [String] {
        let rows = report.tasks.flatMap(\.groups).sorted { ($0.count, $1.name) > ($1.count, $0.name) }
        guard !rows.isEmpty else { return [] }
        var table = TextTable(columns: [
            ("tasks", .right), ("state", .left), ("consumer", .left), ("coroutine", .left), ("waits for", .left),
        ])
        for row in rows.prefix(12) {
            table.rows.append([
                row.count.spaced, row.state.rawValue, row.consumer.map { $0.plain(limit: 48) } ?? "-",
                row.name.plain(limit: 48), row.waitsFor.map { $0.plain(limit: 48) } ?? "-",
            ])
        }
        return [style.bold("Tasks") + style.dim("  \(report.tasks.counted)")] + table.lines(style)
    }

    private var hottest: [String] {
        guard !report.hottest.isEmpty else { return [] }
        var table = TextTable(columns: [("whose", .left), ("share", .right), ("hottest application code", .left)])
        for spot in report.hottest {
            table.rows.append([
                spot.owner.plain(limit: 64), "\(spot.percent.fixed(0)) %", Place.text(spot.frame),
            ])
        }
        return [style.bold("Where the time goes")] + table.lines(style)
    }

    private var functions: [String] {
        guard !report.profile.functions.isEmpty else { return [] }
        var table = TextTable(columns: [
            ("%Own", .right), ("%Total", .right), ("OwnTime", .right), ("TotalTime", .right),
            ("Function (file:line)", .left),
        ])
        for row in report.profile.functions.prefix(Self.functionRows) {
            table.rows.append([
                row.ownPercent.fixed(2) + "%", row.totalPercent.fixed(2) + "%", row.own.seconds.fixed(2) + "s",
                row.total.seconds.fixed(2) + "s", Place.text(row.frame),
            ])
        }
        return [style.bold("Hot functions")] + table.lines(style)
    }

    private var timeline: [String] {
        let points = report.timeline.compactMap(\.cpuPercent)
        guard points.count > 3 else { return [] }
        var line =
            "  cpu   \(Sparkline.text(points, top: max(100, points.max() ?? 100)))  0 to \(max(100, points.max() ?? 0).fixed(0)) %"
        let open = report.timeline.compactMap { $0.open.map(Double.init) }
        if let most = open.max(), most > 0 { line += "\n  open  \(Sparkline.text(open, top: most))  0 to \(Int(most))" }
        if let cost = ConnectionCost(report.timeline), cost.isTelling {
            line +=
                "\n  an open connection goes with \(cost.percentPerConnection.fixed(2)) % of a core (\(cost.points) points)"
        }
        return [style.bold("Over time"), line]
    }

    private var foot: [String] {
        var lines: [String] = report.notes.map { "note: \($0.plain())" }
        if !report.notChecked.isEmpty {
            let reasons = Dictionary(grouping: report.notChecked, by: \.why).sorted { $0.key < $1.key }
            lines += reasons.map { "not checked: \($0.value.map(\.code).joined(separator: " ")) (\($0.key.plain()))" }
        }
        if let end = report.end, end.reason != .finished {
            lines.append("ended: \(end.reason.words)" + (end.detail.map { ", \($0.plain())" } ?? ""))
        }
        let impact = report.impact
        var effect = "\(impact.writes) writes, \(impact.stops) stops, \(megabytes(impact.bytesRead)) read"
        if let percent = report.observerPercent { effect += ", \(percent.fixed(1)) % CPU" }
        lines.append("what loopscope did to the target: \(effect)")
        return lines.map(style.dim)
    }
}

extension [TaskCensus] {
    /// `46 unfinished; 45 more have finished and are still referenced`.
    var counted: String {
        let finished = reduce(0) { $0 + $1.finished }
        let unfinished = "\((reduce(0) { $0 + $1.total } - finished).spaced) unfinished"
        return finished == 0
            ? unfinished : unfinished + "; \(finished.spaced) more have finished and are still referenced"
    }
}

extension SessionEnd.Reason {
    /// For a person.
    var words: String {
        switch self {
        case .finished: "the time asked for is over"
        case .interrupted: "interrupted"
        case .targetExited: "the target exited"
        case .targetReplaced: "another program runs under this pid now"
        case .failed: "the probe failed"
        }
    }
}
