import Glibc
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

    /// The namespace in which processes have the numbers that we know them by; 0 where it cannot be known.
    static let space: UInt64 = {
        var status = stat()
        return stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : 0
    }()
}
