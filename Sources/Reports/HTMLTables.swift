import Analysis
import Observations
import Statistics

/// The tables of the page, the same rows as in the text report.
enum HTMLTables {
    /// A cell and how it is set.
    struct Cell {
        var html: String
        var style = ""

        /// A name, as code.
        static func name(_ text: String, limit: Int = 160) -> Cell {
            Cell(html: "<code>\(text.markup(limit: limit))</code>")
        }
        static func text(_ text: String) -> Cell { Cell(html: text.markup()) }
        /// A number; `-` is set faintly.
        static func number(_ text: String, bad: Bool = false) -> Cell {
            Cell(html: text.markup(), style: text == "-" ? "n none" : bad ? "n bad" : "n")
        }
    }

    static func section(_ title: String, note: String = "", _ head: [String], _ rows: [[Cell]], numbersFrom: Int = 1)
        -> String
    {
        guard !rows.isEmpty else { return "" }
        let heads = head.enumerated().map { index, text in
            "<th\(index >= numbersFrom && rows[0].indices.contains(index) && rows[0][index].style.hasPrefix("n") ? " class=\"n\"" : "")>\(text.markup())</th>"
        }
        let body = rows.map { row in
            "<tr>" + row.map { "<td\($0.style.isEmpty ? "" : " class=\"\($0.style)\"")>\($0.html)</td>" }.joined()
                + "</tr>"
        }
        let small = note.isEmpty ? "" : " <small>\(note.markup())</small>"
        return """
            <section>
            <h2>\(title)\(small)</h2>
            <div class="scroll"><table><thead><tr>\(heads.joined())</tr></thead><tbody>
            \(body.joined(separator: "\n"))
            </tbody></table></div>
            </section>
            """
    }

    /// Phases beside each other, a row for each law of conservation.
    static func phases(_ phases: [(name: String, ledger: Ledger)]) -> String {
        guard phases.count > 1 else { return "" }
        let columns = phases.flatMap { phase in phase.ledger.entries.map { (phase: phase.name, entry: $0) } }
            .filter { $0.entry.started ?? 0 > 0 }
        guard !columns.isEmpty else { return "" }
        let laws: [(String, (LedgerEntry) -> String, (LedgerEntry) -> Bool)] = [
            ("connections opened", { $0.opened.cell }, { _ in false }),
            ("connections closed", { $0.closed.cell }, { _ in false }),
            ("consumers started", { $0.started.cell }, { _ in false }),
            ("consumers ended", { $0.ended.cell }, { $0.ended ?? 0 < ($0.started ?? 0) - ($0.open ?? 0) }),
            ("consumers outliving their connection", { $0.stuck.cell }, { $0.stuck ?? 0 > 0 }),
            ("tasks started", { $0.tasksStarted.cell }, { _ in false }),
            ("tasks ended", { $0.tasksEnded.cell }, { _ in false }),
            (
                "disconnects delivered", { $0.disconnectsDelivered.cell },
                { $0.disconnectsDelivered ?? 0 > $0.closed ?? .max }
            ),
            ("dispatches a second, at the end", { $0.dispatchesPerSecond.cell(0) }, { _ in false }),
        ]
        var rows = laws.map { law in
            [Cell(html: law.0, style: "law")] + columns.map { Cell.number(law.1($0.entry), bad: law.2($0.entry)) }
        }
        // What does not balance is red in its own row: a mark is enough here.
        rows.append(
            [.text("balance")]
                + columns.map { Cell(html: $0.entry.imbalances.isEmpty ? good("✓") : bad("✗"), style: "n") })
        let heads = columns.map { "\($0.phase): \($0.entry.consumer ?? "-")" }
        return section("Ledger", note: "what was opened must be closed, what was started must end", [""] + heads, rows)
    }

    static func ledger(_ document: ReportDocument) -> String {
        guard document.phases.count < 2 else { return "" }
        guard document.ledger.entries.contains(where: { $0.opened != nil }) else { return readLedger(document.ledger) }
        let rows = document.ledger.entries.map { entry -> [Cell] in
            let groups = entry.groupsJoined.flatMap { joined in entry.groupsLeft.map { joined - $0 } }
            return [
                entry.consumer.map { .name($0) } ?? .text("(no consumer)"), .number(entry.opened.cell),
                .number(entry.closed.cell), .number(entry.open.cell), .number(entry.started.cell),
                .number(entry.ended.cell), .number(entry.stuck.cell, bad: entry.stuck ?? 0 > 0),
                .number(entry.tasks.cell), .number(groups.cell),
                .number(entry.disconnectsDelivered.cell, bad: entry.disconnectsDelivered ?? 0 > entry.closed ?? .max),
                .number(entry.dispatchesText), Cell(html: balance(entry)),
            ]
        }
        let head = [
            "consumer", "opened", "closed", "open", "started", "ended", "stuck", "tasks", "groups", "disconnects",
            "dispatches/s", "",
        ]
        return section("Ledger", note: "what was opened must be closed, what was started must end", head, rows)
    }

    /// The ledger as far as memory shows it at an instant.
    private static func readLedger(_ ledger: Ledger) -> String {
        let rows = ledger.entries.map { entry -> [Cell] in
            [
                entry.consumer.map { .name($0) } ?? .text("(no consumer)"), .number(entry.alive.cell),
                .number(entry.open.cell), .number(entry.stuck.cell, bad: entry.stuck ?? 0 > 0),
                .number(entry.objects.cell), .number(entry.tasks.cell), .number(entry.dispatchesText),
                Cell(html: balance(entry)),
            ]
        }
        let head = ["consumer", "alive", "open", "stuck", "objects", "tasks", "dispatches/s", ""]
        return section("Ledger", note: LedgerText.unknown, head, rows)
    }

    private static func balance(_ entry: LedgerEntry) -> String {
        let imbalances = entry.imbalances
        guard imbalances.isEmpty else {
            return bad("✗ \(imbalances.joined(separator: "; ").markup())")
        }
        return entry.opened == nil ? "<small>\(entry.grade.rawValue)</small>" : good("✓ balances")
    }

    private static func bad(_ html: String) -> String { "<span class=\"bad\">\(html)</span>" }
    private static func good(_ html: String) -> String { "<span class=\"good\">\(html)</span>" }

    static func loops(_ loops: [LoopSummary]) -> String {
        let rows = loops.prefix(16).map { loop -> [Cell] in
            let tick = { (nanoseconds: Int64?) in Cell.number(nanoseconds.map { Nanoseconds($0).short } ?? "-") }
            return [
                .name(loop.loop, limit: 48), .name(loop.thread, limit: 48), .number(loop.ticksPerSecond.cell(0)),
                meter(loop.busyPercent), meter(loop.cpuPercent), tick(loop.ticks.value(at: 0.5)),
                tick(loop.ticks.value(at: 0.99)), tick(loop.ticks.maximum), .number(loop.heartbeatLag?.short ?? "-"),
                .number(loop.readyHandles.cell), .number(loop.timers.cell),
            ]
        }
        let head = ["loop", "thread", "ticks/s", "busy", "cpu", "tick p50", "p99", "max", "lag max", "ready", "timers"]
        return section("Loops", head, Array(rows))
    }

    /// A share of one core, with a bar behind it.
    private static func meter(_ percent: Double?) -> Cell {
        guard let percent, percent.isFinite else { return .number("-") }
        let width = min(100, max(0, percent)).fixed(0)
        return Cell(
            html: "<span class=\"meter\" style=\"--share:\(width)%\">\(percent.fixed(0)) %</span>",
            style: percent >= 90 ? "n hot" : "n")
    }

    static func processes(_ processes: [ProcessSummary]) -> String {
        let rows = processes.prefix(16).map { process -> [Cell] in
            let sockets = process.last.sockets.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.lowercased())" }
            return [
                .number(String(process.last.pid)), .name(process.last.name, limit: 48), meter(process.cpuPercent),
                .number(process.psPercent.cell(1, " %"), bad: process.psMisleads),
                .number(process.runQueuePercent.cell(1, " %")), .number(megabytes(process.last.residentBytes)),
                .number(process.last.descriptors.cell), .number(process.last.descriptorLimit.cell),
                .number(process.last.threads.count.spaced), .text(sockets.joined(separator: ", ")),
            ]
        }
        let misled = processes.contains(where: \.psMisleads)
        let head = ["pid", "name", "cpu now", "ps says", "waits for cpu", "rss", "fds", "limit", "threads", "sockets"]
        return section(
            "Processes", note: misled ? "ps shows an average since the start, not now" : "", head, Array(rows),
            numbersFrom: 0)
    }

    static func tasks(_ censuses: [TaskCensus]) -> String {
        let groups = censuses.flatMap(\.groups).sorted { ($0.count, $1.name) > ($1.count, $0.name) }
        let rows = groups.prefix(20).map { group -> [Cell] in
            [
                .number(group.count.spaced), .text(group.state.rawValue),
                group.consumer.map { .name($0) } ?? .number("-"),
                .name(group.name), group.waitsFor.map { .name($0) } ?? .text("-"),
            ]
        }
        return section(
            "Tasks", note: censuses.counted, ["tasks", "state", "consumer", "coroutine", "waits for"],
            Array(rows),
            numbersFrom: 0)
    }

    static func bridges(_ loads: [BridgeLoad]) -> String {
        let rows = loads.prefix(16).map { load -> [Cell] in
            let sites = load.sites.prefix(6).map { site, samples in
                let share = "\((Double(samples) / Double(load.samples) * 100).fixed(0)) %"
                return "\(place(site.frame, named: site.text).html) <small>\(share)</small>"
            }
            return [
                .number(String(load.pid)), .number(load.perSecond.fixed(0)), .number(load.perRequestText),
                .number(load.requestsText), .number(load.savingText), .number(load.samples.spaced),
                Cell(html: sites.joined(separator: "<br>")),
            ]
        }
        return section(
            "Bridges", note: "event loops, each with a thread, that were made for one call of async_to_sync",
            ["pid", "loops/s", "a request", "requests/s", "sharing saves", "samples", "made by"], Array(rows),
            numbersFrom: 0)
    }

    static func hottest(_ spots: [HotSpot]) -> String {
        section(
            "Where the time goes", ["whose", "share", "hottest application code"],
            spots.map { [.text($0.owner), meter($0.percent), place($0.frame)] })
    }

    static func functions(_ profile: Profile) -> String {
        let rows = profile.functions.prefix(25).map { row -> [Cell] in
            [
                .number(row.ownPercent.fixed(2) + "%"), .number(row.totalPercent.fixed(2) + "%"),
                .number(row.own.seconds.fixed(2) + "s"), .number(row.total.seconds.fixed(2) + "s"), place(row.frame),
            ]
        }
        return section(
            "Hot functions", ["%Own", "%Total", "OwnTime", "TotalTime", "Function (file:line)"], Array(rows),
            numbersFrom: 0)
    }

    private static func place(_ frame: Frame, named name: String? = nil) -> Cell {
        let file = frame.file.map {
            " <span class=\"file\">\($0.markup(limit: 240))\(frame.line.map { ":\($0)" } ?? "")</span>"
        }
        let function = (name ?? frame.function).markup(limit: 160)
        return Cell(html: "<code class=\"place\">\(function)\(file ?? "")</code>")
    }
}
