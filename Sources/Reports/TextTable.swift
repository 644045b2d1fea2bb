/// A table for a terminal: columns as wide as their widest cell, numbers to the right.
struct TextTable {
    enum Alignment { case left, right }

    var columns: [(title: String, alignment: Alignment)]
    var rows: [[String]] = []

    /// The lines, each indented by two spaces, without trailing spaces; nothing when there are no rows.
    func lines(_ style: TextStyle) -> [String] {
        guard !rows.isEmpty else { return [] }
        let widths = columns.indices.map { column in
            max(columns[column].title.count, rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0)
        }
        let head = line(columns.map(\.title), widths)
        return [style.dim(head)] + rows.map { line($0, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (column, width) in widths.enumerated() {
            let cell = column < cells.count ? cells[column] : ""
            let gap = String(repeating: " ", count: max(0, width - cell.count))
            text += "  " + (columns[column].alignment == .left ? cell + gap : gap + cell)
        }
        return String(text.reversed().drop { $0 == " " }.reversed())
    }
}

/// Colours and weights, or none at all.
public struct TextStyle: Sendable {
    /// Whether escapes are written.
    public var colours: Bool

    /// With or without escapes.
    public init(colours: Bool) { self.colours = colours }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }
    func red(_ text: String) -> String { wrap(text, "31;1") }
    func yellow(_ text: String) -> String { wrap(text, "33;1") }
    func green(_ text: String) -> String { wrap(text, "32;1") }

    private func wrap(_ text: String, _ code: String) -> String {
        colours && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
