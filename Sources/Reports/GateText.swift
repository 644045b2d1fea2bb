import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict for a terminal: findings first, then rules, then what was borne.
public struct GateText {
    private let verdict: GateVerdict
    private let style: TextStyle

    /// A text in the given style.
    public init(_ verdict: GateVerdict, style: TextStyle = TextStyle(colours: false)) {
        (self.verdict, self.style) = (verdict, style)
    }

    /// The whole text, ending in a line end.
    public var text: String {
        let findings = verdict.findings.map { FindingText(finding: $0, style: style).lines.joined(separator: "\n") }
        let sections = findings + [rules, borne, remarks].filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
        return sections.joined(separator: "\n\n") + "\n"
    }

    private var rules: [String] {
        var table = TextTable(columns: [
            ("", .left), ("rule", .left), ("value", .right), ("before", .right), ("demanded", .left),
        ])
        for entry in verdict.entries {
            table.rows.append([
                entry.outcome.sign, entry.subject.plain(limit: 80), entry.value.map(entry.unit.words) ?? "-",
                entry.baseline.map(entry.unit.words) ?? "-", entry.demand,
            ])
        }
        var lines = table.lines(style)
        // Under its row, from the last on, so that the rows before keep their places.
        for (row, entry) in verdict.entries.enumerated().reversed() where !entry.suspects.isEmpty {
            let named = entry.suspects.map { "       " + $0.sentence.plain(limit: 400) }
            lines.insert(contentsOf: named, at: min(lines.count, lines.count - verdict.entries.count + row + 1))
        }
        return lines
    }

    private var borne: [String] {
        verdict.suppressed.map { borne in
            style.dim(
                "borne until \(borne.by.until): \(borne.finding.code) \(borne.finding.consumer?.plain() ?? "") "
                    + "(\(borne.by.reason.plain(limit: 120)))")
        }
            + verdict.expired.map { expired in
                style.red("✗")
                    + " the suppression of \(expired.code)\(expired.consumer.map { " for \($0.plain())" } ?? "") expired on "
                    + "\(expired.until) (line \(expired.line)): fix it, or give it another day"
            }
    }

    private var remarks: [String] {
        verdict.undecided.map { style.yellow("?") + " " + $0.plain(limit: 400) }
            + verdict.remarks.map { style.dim($0.plain(limit: 400)) }
    }
}

extension GateVerdict.Entry.Outcome {
    /// One character for a table.
    var sign: String {
        switch self {
        case .passed: "✓"
        case .failed: "✗"
        case .unmeasured: "?"
        case .informs: "·"
        }
    }
}

extension GateVerdict.Entry {
    /// The first place that a suspect names.
    var location: CodeLocation? { suspects.lazy.compactMap(\.location).first }

    /// `tasks.growth is 10, and should be at most 0 (0 before): 10 × Ticker.tick (chat/ticker.py:16)`.
    var sentence: String {
        let before = baseline.map { " (\(unit.words($0)) before)" } ?? ""
        let named = suspects.isEmpty ? "" : ": " + suspects.map(\.sentence).joined(separator: ", ")
        return "\(subject) is \(value.map(unit.words) ?? "unknown"), and should be \(demand)\(before)\(named)"
    }
}
