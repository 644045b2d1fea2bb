public import Analysis
import Observations

/// One finding in plain words: what, where, the fix, then what was seen; code and grade stand after the title, dim.
struct FindingText {
    let finding: Finding
    let style: TextStyle

    var lines: [String] {
        let sign = finding.severity >= .high ? style.red("✗") : style.yellow("!")
        var lines = ["\(sign) \(style.bold(headline))  \(style.dim(tag))"]
        if let place = finding.location { lines.append(row("where", Place.text(place))) }
        lines += source
        lines.append(row("fix", style.bold(finding.fix.plain())))
        lines += finding.evidence.enumerated().map { row($0.offset == 0 ? "seen" : "", $0.element.plain()) }
        lines.append(row("sure", finding.howSure.plain()))
        if let check = finding.check { lines.append(row("check", check.plain())) }
        return lines
    }

    /// The lines around the decisive one, which is marked.
    private var source: [String] {
        guard let source = finding.source, let focus = finding.shownLine else { return [] }
        if let absence = source.absence { return [row("source", "not shown: \(absence.words)")] }
        return source.numbered.map { number, text in
            let mark = number == focus ? style.red(">") : " "
            let digits = String(number)
            let padded = String(repeating: " ", count: max(0, 6 - digits.count)) + digits
            let code = text.plain(limit: SourceExcerpt.widthLimit)
            return "         \(mark)\(style.dim(padded))" + (code.isEmpty ? "" : "  \(code)")
        }
    }

    private var headline: String {
        guard let consumer = finding.consumer else { return finding.title }
        return "\(consumer.plain(limit: 128)): \(finding.title)"
    }

    private var tag: String {
        "\(finding.code) · \(finding.severity.rawValue) · \(finding.confidence.rawValue) · evidence: \(finding.grade.rawValue)"
    }

    private func row(_ name: String, _ text: String) -> String {
        "    " + style.dim(name + String(repeating: " ", count: 7 - name.count)) + text
    }
}

extension TextReport {
    /// One finding alone: what is printed the moment it stands.
    public static func text(of finding: Finding, style: TextStyle) -> String {
        FindingText(finding: finding, style: style).lines.joined(separator: "\n")
    }
}

extension SourceExcerpt {
    /// The lines with their numbers; a number beyond all files ends them.
    var numbered: [(number: Int, text: String)] {
        lines.enumerated().compactMap { offset, text in
            let (number, overflow) = firstLine.addingReportingOverflow(offset)
            return overflow ? nil : (number, text.spacedTabs)
        }
    }
}

extension String {
    /// Tabs as four spaces, since a terminal would obey them, and without the white space at its end.
    fileprivate var spacedTabs: String {
        let text = split(separator: "\t", omittingEmptySubsequences: false).joined(separator: "    ")
        return String(text.reversed().drop { $0.isWhitespace }.reversed())
    }
}

/// Places in code as people write them.
enum Place {
    static func text(_ place: CodeLocation) -> String {
        var text = place.function.plain(limit: 160)
        if let file = place.file { text += "  \(file.plain(limit: 240))" + (place.line.map { ":\($0)" } ?? "") }
        if let handler = place.handlerLine { text += "  (handler at line \(handler))" }
        return text
    }

    static func text(_ frame: Frame) -> String {
        guard let file = frame.file else { return frame.function.plain(limit: 160) }
        return "\(frame.function.plain(limit: 160)) (\(file.plain(limit: 240))" + (frame.line.map { ":\($0)" } ?? "")
            + ")"
    }
}

/// A line of eight heights.
enum Sparkline {
    static let width = 60

    /// `values` squeezed into at most 60 columns; each shows the greatest value it stands for.
    static func text(_ values: [Double], top: Double) -> String {
        let marks = Array("▁▂▃▄▅▆▇█")
        let columns = min(width, values.count)
        return String(
            (0..<columns).map { column in
                let slice = values[(column * values.count / columns)..<((column + 1) * values.count / columns)]
                let share = (slice.max() ?? 0) / max(top, 1e-9)
                return marks[min(marks.count - 1, max(0, Int(share * Double(marks.count))))]
            })
    }
}
