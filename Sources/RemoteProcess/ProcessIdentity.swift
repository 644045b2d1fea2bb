/// Which process a pid means: the same pid may be another program a moment later.
public struct ProcessIdentity: Hashable, Sendable {
    /// What has become of a process.
    public enum Fate: Hashable, Sendable {
        /// It is the one it was.
        case same
        /// It has ended; a zombie has ended too.
        case exited
        /// It runs another program now (exec).
        case replaced
        /// Another process has its pid.
        case reused
    }

    /// The pid.
    public var pid: Int32
    /// When the process started, in clock ticks since boot: with the pid, unique.
    public var startTicks: UInt64
    /// The program it runs; `nil` when that may not be read.
    public var program: FileIdentity?

    /// Reads who `pid` is now.
    ///
    /// - Throws: when there is no such process.
    public init(of pid: Int32, in proc: ProcFS = ProcFS()) throws(ProcError) {
        guard let stat = ProcStat(parsing: try proc.read(pid, "stat")) else {
            throw ProcError(path: proc.path(pid, "stat"), errno: 3)  // ESRCH
        }
        self.pid = pid
        startTicks = stat.startTicks
        program = try? proc.fileIdentity(proc.path(pid, "exe"))
    }

    /// What has become of it.
    public func fate(in proc: ProcFS = ProcFS()) -> Fate {
        guard let bytes = try? proc.read(pid, "stat"), let stat = ProcStat(parsing: bytes) else { return .exited }
        guard stat.startTicks == startTicks else { return .reused }
        guard stat.state != "Z", stat.state != "X" else { return .exited }
        guard let program, let now = try? proc.fileIdentity(proc.path(pid, "exe")) else { return .same }
        return now == program ? .same : .replaced
    }

    /// Whether it is the one it was.
    public func stillTheSame(in proc: ProcFS = ProcFS()) -> Bool { fate(in: proc) == .same }
}
