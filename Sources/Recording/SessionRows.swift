import Observations

extension SessionStart: StoredRow {
    static let table = "session_starts"
    static let columns = "time_ns, wall_clock, kind, description, pid, grade, tool"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(wallClock)
        row.put(kind)
        row.put(description)
        row.put(pid)
        row.put(grade)
        row.put(tool)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), wallClock: try row.take(), kind: try row.take(), description: try row.take(),
            pid: try row.take(), grade: try row.take(), tool: try row.take())
    }
}

extension SessionEnd: StoredRow {
    static let table = "session_ends"
    static let columns = "time_ns, reason, detail"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(reason)
        row.put(detail)
    }

    init(from row: inout RowReader) throws {
        self.init(time: try row.take(), reason: try row.take(), detail: try row.take())
    }
}

extension PhaseMark: StoredRow {
    static let table = "phases"
    static let columns = "time_ns, name"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(name)
    }

    init(from row: inout RowReader) throws { self.init(time: try row.take(), name: try row.take()) }
}

extension ProbeNote: StoredRow {
    static let table = "notes"
    static let columns = "time_ns, pid, code, text"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(code)
        row.put(text)
    }

    init(from row: inout RowReader) throws {
        self.init(time: try row.take(), pid: try row.take(), code: try row.take(), text: try row.take())
    }
}

extension SampleQuality: StoredRow {
    static let table = "sample_quality"
    static let columns = "taken, retried, lost, torn"

    func write(to row: inout RowWriter) {
        row.put(taken)
        row.put(retried)
        row.put(lost)
        row.put(torn)
    }

    init(from row: inout RowReader) throws {
        self.init(taken: try row.take(), retried: try row.take(), lost: try row.take(), torn: try row.take())
    }
}

extension Impact: StoredRow {
    static let table = "impact"
    static let columns = "writes, stops, bytes_read, observer_cpu_ns"

    func write(to row: inout RowWriter) {
        row.put(writes)
        row.put(stops)
        row.put(bytesRead)
        row.put(observerCPU)
    }

    init(from row: inout RowReader) throws {
        self.init(writes: try row.take(), stops: try row.take(), bytesRead: try row.take(), observerCPU: try row.take())
    }
}
