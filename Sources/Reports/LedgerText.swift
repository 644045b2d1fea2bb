import Analysis
import Observations

/// The ledger as a table: what was opened, what ended, what did not.
enum LedgerText {
    static func table(_ ledger: Ledger) -> TextTable {
        var table = TextTable(columns: [
            ("consumer", .left), ("opened", .right), ("closed", .right), ("open", .right), ("started", .right),
            ("ended", .right), ("stuck", .right), ("tasks", .right), ("groups", .right), ("disconnects", .right),
            ("dispatches/s", .right), ("", .left),
        ])
        for entry in ledger.entries {
            let groups = entry.groupsJoined.flatMap { joined in entry.groupsLeft.map { joined - $0 } }
            table.rows.append([
                entry.consumer.map { $0.plain(limit: 48) } ?? "(no consumer)", entry.opened.cell, entry.closed.cell,
                entry.open.cell, entry.started.cell, entry.ended.cell, entry.stuck.cell, entry.tasks.cell, groups.cell,
                entry.disconnectsDelivered.cell, entry.dispatchesPerSecond.cell(0), mark(entry),
            ])
        }
        return table
    }

    /// The ledger as far as memory shows it at an instant: what is there, and what should not be.
    static func readTable(_ ledger: Ledger) -> TextTable {
        var table = TextTable(columns: [
            ("consumer", .left), ("alive", .right), ("open", .right), ("stuck", .right), ("objects", .right),
            ("tasks", .right), ("dispatches/s", .right), ("", .left),
        ])
        for entry in ledger.entries {
            table.rows.append([
                entry.consumer.map { $0.plain(limit: 48) } ?? "(no consumer)", entry.alive.cell, entry.open.cell,
                entry.stuck.cell, entry.objects.cell, entry.tasks.cell, entry.dispatchesText, mark(entry),
            ])
        }
        return table
    }

    /// What a ledger that was read cannot say.
    static let unknown =
        "opened, closed and ended are not known from outside: only what is there now, objects as last counted"

    private static func mark(_ entry: LedgerEntry) -> String {
        let imbalances = entry.imbalances
        guard imbalances.isEmpty else { return "✗ " + imbalances.joined(separator: "; ") }
        return entry.opened == nil ? entry.grade.rawValue : "✓ balances"
    }

    /// Phases beside each other, a row for each law of conservation.
    static func sideBySide(_ phases: [(name: String, ledger: Ledger)], _ style: TextStyle) -> [String] {
        let columns = phases.flatMap { phase in phase.ledger.entries.map { (phase: phase.name, entry: $0) } }
            .filter { $0.entry.started ?? 0 > 0 }
        guard !columns.isEmpty else { return [] }
        var table = TextTable(
            columns: [("", .left)]
                + columns.map {
                    ("\($0.phase.plain(limit: 24)): \($0.entry.consumer?.plain(limit: 32) ?? "-")", .right)
                })
        let rows: [(String, (LedgerEntry) -> String)] = [
            ("connections opened", { $0.opened.cell }), ("connections closed", { $0.closed.cell }),
            ("consumers started", { $0.started.cell }), ("consumers ended", { $0.ended.cell }),
            ("consumers outliving their connection", { $0.stuck.cell }), ("tasks started", { $0.tasksStarted.cell }),
            ("tasks ended", { $0.tasksEnded.cell }), ("disconnects delivered", { $0.disconnectsDelivered.cell }),
            ("dispatches a second, at the end", { $0.dispatchesPerSecond.cell(0) }),
            ("balance", { $0.imbalances.isEmpty ? "✓" : "✗" }),
        ]
        for (name, value) in rows { table.rows.append([name] + columns.map { value($0.entry) }) }
        return [style.bold("Ledger")] + table.lines(style)
    }
}

extension LedgerEntry {
    /// Dispatches a second; `~` before an estimate, with how many it rests on.
    var dispatchesText: String {
        guard let dispatchSamples else { return dispatchesPerSecond.cell(0) }
        return "~\(dispatchesPerSecond.cell(0)) (n=\(dispatchSamples.spaced))"
    }
}
