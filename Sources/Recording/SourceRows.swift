import Observations

extension SourceExcerpt: StoredRow {
    static let table = "source_excerpts"
    static let columns = "time_ns, pid, file, first_line, absence"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(file)
        row.put(firstLine)
        row.put(absence)
        row.put(children: lines.map(SourceLine.init(text:)))
    }

    init(from row: inout RowReader) throws {
        let (time, pid, file): (Moment, Int32, String) = (try row.take(), try row.take(), try row.take())
        let (firstLine, absence): (Int, Absence?) = (try row.take(), try row.take())
        let lines: [SourceLine] = try row.children()
        self.init(time: time, pid: pid, file: file, firstLine: firstLine, lines: lines.map(\.text))
        self.absence = absence
    }
}

/// One line: a row under a `SourceExcerpt`.
private struct SourceLine: StoredRow {
    static let table = "source_lines"
    static let parent: String? = "excerpt"
    static let columns = "text"
    let text: String

    init(text: String) { self.text = text }

    func write(to row: inout RowWriter) { row.put(text) }

    init(from row: inout RowReader) throws { self.init(text: try row.take()) }
}
