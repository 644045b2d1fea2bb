import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict as Markdown: a comment on a pull request, or the summary of a CI step. Worst first, and cut where
/// the place it goes to has its limit.
public enum GateMarkdown {
    /// Most bytes of a comment on GitHub.
    public static let commentLimit = 65_000
    /// Most bytes of a step's summary on GitHub.
    public static let summaryLimit = 1_000_000

    /// The text, at most `limit` bytes; files below `root` are shown relative to it.
    public static func text(
        _ verdict: GateVerdict, name: String, status: String, root: String, limit: Int
    ) -> String {
        var blocks = ["## loopscope gate: \(escaped(name)): \(status)\n"]
        for finding in verdict.findings {
            var lines = [
                "### ✗ \(finding.code) \(escaped(finding.title))\(finding.consumer.map { ": `\(code($0))`" } ?? "")\n"
            ]
            lines += finding.place.map { "* where: `\(code($0.below(root)))`" }
            lines += finding.evidence.map { "* \(escaped($0))" }
            lines += ["* sure: \(escaped(finding.howSure))", "* **fix**: \(escaped(finding.fix))", ""]
            blocks.append(lines.joined(separator: "\n"))
        }
        blocks += verdict.expired.map { "* ✗ the suppression of \($0.code) expired on \($0.until)\n" }
        if !verdict.entries.isEmpty {
            blocks.append("| | rule | value | before | demanded |\n|---|---|---:|---:|---|")
            blocks += verdict.entries.map { entry in
                let cells = [
                    entry.outcome.sign, "`\(code(entry.subject))`", entry.value.map(entry.unit.words) ?? "-",
                    entry.baseline.map(entry.unit.words) ?? "-", entry.demand,
                ]
                return "| " + cells.joined(separator: " | ") + " |"
            }
            let named = verdict.entries.flatMap { entry in
                entry.suspects.map { suspect in
                    let file = suspect.location.flatMap { place in
                        place.file.map { "\($0.below(root))\(place.line.map { ":\($0)" } ?? "")" }
                    }
                    return "* `\(code(entry.subject))`: \(escaped(suspect.text))"
                        + (file.map { " in `\(code($0))`" } ?? "")
                }
            }
            if !named.isEmpty { blocks.append("\n" + named.joined(separator: "\n")) }
        }
        blocks += verdict.undecided.map { "\n? \(escaped($0))" } + verdict.remarks.map { "\n\(escaped($0))" }
        return cut(blocks, limit)
    }

    private static func cut(_ blocks: [String], _ limit: Int) -> String {
        let note = "\n… cut here: the rest is in the job's log\n"
        var text = ""
        for block in blocks {
            guard text.utf8.count + block.utf8.count + 1 + note.utf8.count <= limit else { return text + note }
            text += block + "\n"
        }
        return text
    }

    /// Text in which nothing is markup.
    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.plain(limit: 2000) {
            if "\\`*_{}[]<>#|!~".contains(character) { out += "\\" }
            out.append(character)
        }
        return out
    }

    /// Text between backquotes within a table.
    private static func code(_ text: String) -> String {
        text.plain(limit: 300).replacing("`", with: "'").replacing("|", with: "\\|")
    }
}
