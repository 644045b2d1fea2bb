import Observations

extension Frame: StoredRow {
    static let table = "frames"
    static let columns = "kind, function, file, line"

    func write(to row: inout RowWriter) {
        row.put(kind)
        row.put(function)
        row.put(file)
        row.put(line)
    }

    init(from row: inout RowReader) throws {
        self.init(kind: try row.take(), function: try row.take(), file: try row.take(), line: try row.take())
    }
}

/// All samples that are alike, added up: a row of `sightings`. Read only; the `Interner` writes them.
extension StackSample: StoredRow {
    static let table = "sightings"
    static let columns = "pid, tid, thread, activity, holds_gil, stack, consumer, task, count, weight_ns, last_time_ns"

    func write(to row: inout RowWriter) throws {
        row.put(pid)
        row.put(tid)
        row.put(thread)
        row.put(activity)
        row.put(holdsGIL)
        try row.put(stack)
        row.put(consumer)
        row.put(task)
        row.put(count)
        row.put(weight)
        row.put(time)
    }

    init(from row: inout RowReader) throws {
        let (pid, tid, thread): (Int32, Int32, String) = (try row.take(), try row.take(), try row.take())
        let (activity, holdsGIL): (Activity, Bool?) = (try row.take(), try row.take())
        let stack = try row.takeStack()
        let (consumer, task): (String?, String?) = (try row.take(), try row.take())
        let (count, weight, time): (Int, Nanoseconds, Moment) = (try row.take(), try row.take(), try row.take())
        self.init(
            time: time, pid: pid, tid: tid, thread: thread, activity: activity, holdsGIL: holdsGIL, stack: stack,
            consumer: consumer, task: task, count: count, weight: weight)
    }
}
