import Observations

extension BridgeCensus: StoredRow {
    static let table = "bridge_censuses"
    static let columns = "time_ns, pid, grade"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(grade)
        row.put(children: calls)
    }

    init(from row: inout RowReader) throws {
        self.init(time: try row.take(), pid: try row.take(), grade: try row.take(), calls: try row.children())
    }
}

extension BridgeCall: StoredRow {
    static let table = "bridge_calls"
    static let parent: String? = "census"
    static let columns = "executor, workers, running, thread, function, waits_in, since_ns, site, consumer, count"

    func write(to row: inout RowWriter) throws {
        row.put(executor)
        row.put(workers)
        row.put(running)
        row.put(thread)
        try row.put(frame: function)
        try row.put(frame: waitsIn)
        row.put(since)
        try row.put(frame: site)
        row.put(consumer)
        row.put(count)
    }

    init(from row: inout RowReader) throws {
        self.init(
            executor: try row.take(), workers: try row.take(), running: try row.take(), thread: try row.take(),
            function: try row.takeFrame(), waitsIn: try row.takeFrame(), since: try row.take(),
            site: try row.takeFrame(),
            consumer: try row.take(), count: try row.take())
    }
}
