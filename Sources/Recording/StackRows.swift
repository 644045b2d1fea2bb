import Observations

extension Frame: StoredRow {
    static let table = "frames"
    static let columns = "kind, function, file, line, definition"

    func write(to row: inout RowWriter) {
        row.put(kind)
        row.put(function)
        row.put(file)
        row.put(line)
        row.put(definition)
    }

    init(from row: inout RowReader) throws {
        self.init(
            kind: try row.take(), function: try row.take(), file: try row.take(), line: try row.take(),
            definition: try row.take())
    }
}

/// A row of `sightings` when written, without its sums; when read, a row of the view that adds up all alike.
extension StackSample: StoredRow {
    static let table = "stack_sums"
    static let columns = likeness + ", count, weight_ns, last_time_ns"
    private static let likeness = "pid, tid, thread, activity, holds_gil, stack, consumer, task"

    /// The statement that stores what makes samples alike; the sums begin at nothing.
    static let sightingInsertion = """
        INSERT INTO sightings (\(likeness), summed_count, summed_weight_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
        """

    func write(to row: inout RowWriter) throws {
        row.put(pid)
        row.put(tid)
        row.put(thread)
        row.put(activity)
        row.put(holdsGIL)
        try row.put(stack)
        row.put(consumer)
        row.put(task)
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
