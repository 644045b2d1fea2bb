import Analysis
import Observations

/// A detector's card as a page: for `explain`, and for `docs/findings/`, which is generated from it.
public enum FindingPage {
    /// For a terminal, wrapped to 88 columns.
    public static func text(_ card: DetectorCard) -> String {
        var lines = ["\(card.code)  \(card.title)  (\(card.severity.rawValue))", ""]
        for (title, body) in sections(card) { lines += [title] + wrap(body, indent: "  ") + [""] }
        lines.append("How to fix it")
        for fix in card.fixes { lines += wrap("\(fix.framework): \(fix.text)", indent: "  ") }
        lines += ["", "See it on purpose", "  \(card.reproduce)"]
        return lines.joined(separator: "\n") + "\n"
    }

    /// The page in `docs/findings/`.
    public static func markdown(_ card: DetectorCard) -> String {
        var text = "# \(card.code) \(card.title)\n\nSeverity: \(card.severity.rawValue). "
        text += "Least evidence: \(card.minimumGrade.rawValue).\n\n"
        for (title, body) in sections(card) { text += "## \(title)\n\n\(body)\n\n" }
        text += "## How to fix it\n\n"
        for fix in card.fixes { text += "* **\(fix.framework)**: \(fix.text)\n" }
        return text + "\n## See it on purpose\n\n`\(card.reproduce)`\n"
    }

    /// The page that lists all others, and says which finding wins where one cause shows in several.
    public static func index(_ cards: [DetectorCard]) -> String {
        var text = "# Findings\n\n| code | severity | what |\n|---|---|---|\n"
        for card in cards {
            text += "| [\(card.code)](\(card.code).md) | \(card.severity.rawValue) | \(card.title) |\n"
        }
        text += """

            ## One cause, one finding

            Of findings on the same consumer class only the cause stands; what the others saw becomes evidence under it.

            | cause | consequences |
            |---|---|

            """
        for (cause, effects) in Precedence.consequences.sorted(by: { $0.key < $1.key }) {
            text += "| \(cause) | \(effects.joined(separator: ", ")) |\n"
        }
        return text
    }

    private static func sections(_ card: DetectorCard) -> [(String, String)] {
        [
            ("What is wrong", card.meaning), ("How it is detected", card.detection),
            ("What could make it wrong", card.falsePositives),
        ]
    }

    private static func wrap(_ text: String, indent: String, width: Int = 88) -> [String] {
        var lines: [String] = []
        var line = indent
        for word in text.split(whereSeparator: \.isWhitespace) {
            if line.count + word.count + 1 > width, line.count > indent.count {
                lines.append(line)
                line = indent
            }
            line += (line.count > indent.count ? " " : "") + word
        }
        return lines + [line]
    }
}
