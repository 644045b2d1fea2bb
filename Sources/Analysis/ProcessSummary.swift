public import Observations

/// What one process took over the session: differences, never a lifetime average.
public struct ProcessSummary: Hashable, Sendable {
    /// The last sample.
    public var last: ProcessSample
    /// Share of one core while observing; `nil` when there was only one sample.
    public var cpuPercent: Double?
    /// Share of one core that its threads were ready but had to wait for a CPU.
    public var runQueuePercent: Double?
    /// What `ps` prints: an average since the process started.
    public var psPercent: Double?
    /// Threads by share of one core while observing, busiest first.
    public var threads: [(name: String, tid: Int32, cpuPercent: Double)]

    /// Whether `ps` would mislead by more than 10 points and by more than a third of the truth.
    public var psMisleads: Bool {
        guard let cpuPercent, let psPercent else { return false }
        let gap = abs(cpuPercent - psPercent)
        return gap > 10 && gap > cpuPercent / 3
    }

    /// Whether a signal (SIGSTOP, Ctrl-Z) had stopped all of it at the end: nothing it should do gets done.
    public var isStopped: Bool { !last.threads.isEmpty && last.threads.allSatisfy { $0.state == "T" } }

    /// Sums up the samples of each process, busiest first.
    public static func summaries(of samples: [ProcessSample]) -> [ProcessSummary] {
        var first: [Int32: ProcessSample] = [:]
        var last: [Int32: ProcessSample] = [:]
        for sample in samples {
            if first[sample.pid] == nil { first[sample.pid] = sample }
            last[sample.pid] = sample
        }
        return last.values.compactMap { last in first[last.pid].map { ProcessSummary(from: $0, to: last) } }
            .sorted { ($0.cpuPercent ?? 0, $1.last.pid) > ($1.cpuPercent ?? 0, $0.last.pid) }
    }

    init(from first: ProcessSample, to last: ProcessSample) {
        self.last = last
        let seconds = (last.time - first.time).seconds
        if last.age > .zero { psPercent = last.cpu.seconds / last.age.seconds * 100 }
        guard seconds > 0 else {
            threads = []
            return
        }
        cpuPercent = (last.cpu - first.cpu).seconds / seconds * 100
        let before = Dictionary(first.threads.map { ($0.tid, $0) }, uniquingKeysWith: { one, _ in one })
        var waited: Nanoseconds?
        var busy: [(name: String, tid: Int32, cpuPercent: Double)] = []
        for thread in last.threads {
            let earlier = before[thread.tid]
            busy.append((thread.name, thread.tid, (thread.cpu - (earlier?.cpu ?? .zero)).seconds / seconds * 100))
            if let wait = thread.runQueueWait { waited = (waited ?? .zero) + wait - (earlier?.runQueueWait ?? .zero) }
        }
        runQueuePercent = waited.map { $0.seconds / seconds * 100 }
        threads = busy.sorted { ($0.cpuPercent, $1.tid) > ($1.cpuPercent, $0.tid) }
    }

    /// Equal when the last sample and the shares are.
    public static func == (left: ProcessSummary, right: ProcessSummary) -> Bool {
        left.last == right.last && left.cpuPercent == right.cpuPercent && left.runQueuePercent == right.runQueuePercent
    }

    /// By the last sample.
    public func hash(into hasher: inout Hasher) { hasher.combine(last) }
}
