import RemoteProcess

/// Whether a process is there.
enum ProcessState {
    /// One that has ended and is not yet reaped is not.
    static func isRunning(_ pid: Int32) -> Bool {
        guard let line = try? ProcFS().read(pid, "stat", limit: 4096), let stat = ProcStat(parsing: line) else {
            return false
        }
        return stat.state != "Z"
    }
}
