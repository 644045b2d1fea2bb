import Observations

extension LoopWindow: StoredRow {
    static let table = "loop_windows"
    static let columns = """
        start_ns, length_ns, pid, loop, thread, grade, ticks, busy_ns, thread_cpu_ns, tick_durations, \
        heartbeat_lag_ns, ready_handles, timers
        """

    func write(to row: inout RowWriter) {
        row.put(start)
        row.put(length)
        row.put(pid)
        row.put(loop)
        row.put(thread)
        row.put(grade)
        row.put(ticks)
        row.put(busy)
        row.put(threadCPU)
        row.put(tickDurations)
        row.put(heartbeatLag)
        row.put(readyHandles)
        row.put(timers)
    }

    init(from row: inout RowReader) throws {
        self.init(
            start: try row.take(), length: try row.take(), pid: try row.take(), loop: try row.take(),
            thread: try row.take(), grade: try row.take(), ticks: try row.take(), busy: try row.take(),
            threadCPU: try row.take(), tickDurations: try row.take(), heartbeatLag: try row.take(),
            readyHandles: try row.take(), timers: try row.take())
    }
}

extension LoopBlock: StoredRow {
    static let table = "loop_blocks"
    static let columns = "since_ns, length_ns, pid, loop, stack, consumer, message, samples"

    func write(to row: inout RowWriter) throws {
        row.put(since)
        row.put(length)
        row.put(pid)
        row.put(loop)
        try row.put(stack)
        row.put(consumer)
        row.put(message)
        row.put(samples)
    }

    init(from row: inout RowReader) throws {
        self.init(
            since: try row.take(), length: try row.take(), pid: try row.take(), loop: try row.take(),
            stack: try row.takeStack(), consumer: try row.take(), message: try row.take(), samples: try row.take())
    }
}
