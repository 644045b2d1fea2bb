import Observations
import RemoteProcess

/// The files of one thread, kept open: opening costs more than reading.
final class ThreadFiles {
    private let stat: OpenFile
    private let schedStat: OpenFile?
    private let status: OpenFile?
    private var last: (slices: Int64, wasIdle: Bool, voluntary: Int?, involuntary: Int?)?

    /// - Throws: when the thread has ended.
    init(_ pid: Int32, _ tid: Int32, in proc: ProcFS) throws(ProcError) {
        let folder = proc.path(pid, "task/\(tid)")
        stat = try OpenFile("\(folder)/stat")
        schedStat = try? OpenFile("\(folder)/schedstat")
        status = try? OpenFile("\(folder)/status")
    }

    /// The thread now; `nil` when it has ended.
    func sample() -> ThreadSample? {
        guard let line = try? stat.read(at: 0, count: 1024), let now = ProcStat(parsing: line) else { return nil }
        let sched = (try? schedStat?.read(at: 0, count: 128)).flatMap { SchedStat(parsing: $0) }
        let switches = switches(sched, isIdle: now.state != "R")
        return ThreadSample(
            tid: now.pid, name: now.comm, cpu: sched.map { Nanoseconds($0.onCPU) } ?? now.cpu,
            runQueueWait: sched.map { Nanoseconds($0.waiting) }, voluntarySwitches: switches.voluntary,
            involuntarySwitches: switches.involuntary, state: String(now.state))
    }

    /// Context switches. `status` is the dearest file to read (6 µs), and a thread that was idle and has not been put
    /// on a CPU since has not switched.
    private func switches(_ sched: SchedStat?, isIdle: Bool) -> (voluntary: Int?, involuntary: Int?) {
        if let last, last.wasIdle, let sched, sched.slices == last.slices { return (last.voluntary, last.involuntary) }
        guard let text = try? status?.read(at: 0, count: 4096) else { return (nil, nil) }
        let lines = ProcLines(text)
        let switches = (
            voluntary: lines.number("voluntary_ctxt_switches"), involuntary: lines.number("nonvoluntary_ctxt_switches")
        )
        last = sched.map { ($0.slices, isIdle, switches.voluntary, switches.involuntary) }
        return switches
    }
}

extension ProcStat {
    /// CPU time in user mode and in the kernel: clock ticks of 10 ms (USER_HZ is 100 on every architecture here).
    var cpu: Nanoseconds { .clockTicks(userTicks.addingReportingOverflow(systemTicks).partialValue) }
}

extension Nanoseconds {
    /// A number of clock ticks; saturates.
    static func clockTicks(_ count: UInt64) -> Nanoseconds {
        let (product, overflow) = Int64(clamping: count).multipliedReportingOverflow(by: 10_000_000)
        return Nanoseconds(overflow ? .max : product)
    }
}
