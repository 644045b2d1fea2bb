import RemoteProcess

/// How often a thread has given up the processor: of itself (it waited), and because it had to.
struct ThreadSwitches {
    /// `voluntary_ctxt_switches` of proc_pid_status(5).
    let voluntary: Int

    /// Reads it; `nil` when the thread has gone.
    init?(of tid: Int32, in pid: Int32) {
        guard let bytes = try? ProcFS().read(pid, "task/\(tid)/status", limit: 16384),
            let line = bytes.split(separator: 10).first(where: { $0.starts(with: "voluntary_ctxt_switches:".utf8) }),
            let number = line.split(whereSeparator: { $0 == 9 || $0 == 32 }).last,
            let count = Int(String(decoding: number, as: UTF8.self))
        else { return nil }
        voluntary = count
    }
}
