import Observations

extension ProcessSample: StoredRow {
    static let table = "process_samples"
    static let columns = "time_ns, pid, parent, name, cpu_ns, age_ns, resident_bytes, descriptors, descriptor_limit"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        // The parent process is a column like any other, not a parent row.
        row.put(self.parent)
        row.put(name)
        row.put(cpu)
        row.put(age)
        row.put(residentBytes)
        row.put(descriptors)
        row.put(descriptorLimit)
        row.put(children: sockets.sorted { $0.key < $1.key }.map { SocketCount(state: $0.key, count: $0.value) })
        row.put(children: threads)
        row.put(
            children: descriptorKinds.sorted { $0.key < $1.key }.map { DescriptorCount(kind: $0.key, count: $0.value) })
    }

    init(from row: inout RowReader) throws {
        let sockets: [SocketCount] = try row.children()
        let kinds: [DescriptorCount] = try row.children()
        self.init(
            time: try row.take(), pid: try row.take(), parent: try row.take(), name: try row.take(),
            cpu: try row.take(), age: try row.take(), residentBytes: try row.take(), descriptors: try row.take(),
            descriptorLimit: try row.take(),
            sockets: Dictionary(sockets.map { ($0.state, $0.count) }, uniquingKeysWith: { $1 }),
            threads: try row.children(),
            descriptorKinds: Dictionary(kinds.map { ($0.kind, $0.count) }, uniquingKeysWith: { $1 }))
    }
}

/// Descriptors of one kind: a row under a `ProcessSample`.
private struct DescriptorCount: StoredRow {
    static let table = "process_descriptors"
    static let parent: String? = "sample"
    static let columns = "kind, count"
    let kind: String
    let count: Int

    init(kind: String, count: Int) {
        self.kind = kind
        self.count = count
    }

    func write(to row: inout RowWriter) {
        row.put(kind)
        row.put(count)
    }

    init(from row: inout RowReader) throws { self.init(kind: try row.take(), count: try row.take()) }
}

/// Sockets in one state: a row under a `ProcessSample`.
private struct SocketCount: StoredRow {
    static let table = "process_sockets"
    static let parent: String? = "sample"
    static let columns = "state, count"
    let state: String
    let count: Int

    init(state: String, count: Int) {
        self.state = state
        self.count = count
    }

    func write(to row: inout RowWriter) {
        row.put(state)
        row.put(count)
    }

    init(from row: inout RowReader) throws { self.init(state: try row.take(), count: try row.take()) }
}

extension ThreadSample: StoredRow {
    static let table = "process_threads"
    static let parent: String? = "sample"
    static let columns = """
        tid, name, cpu_ns, run_queue_wait_ns, voluntary_switches, involuntary_switches, state
        """

    func write(to row: inout RowWriter) {
        row.put(tid)
        row.put(name)
        row.put(cpu)
        row.put(runQueueWait)
        row.put(voluntarySwitches)
        row.put(involuntarySwitches)
        row.put(state)
    }

    init(from row: inout RowReader) throws {
        self.init(
            tid: try row.take(), name: try row.take(), cpu: try row.take(), runQueueWait: try row.take(),
            voluntarySwitches: try row.take(), involuntarySwitches: try row.take(), state: try row.take())
    }
}
