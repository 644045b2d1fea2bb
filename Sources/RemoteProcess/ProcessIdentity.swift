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
    /// Where its main stack begins: another place after each exec, even of the same program, because the kernel picks it
    /// at random. `nil` when that may not be read.
    public var stackStart: UInt64?

    /// Reads who `pid` is now.
    ///
    /// - Throws: when there is no such process.
    public init(of pid: Int32, in proc: ProcFS = ProcFS()) throws(ProcError) {
        let line = try proc.read(pid, "stat")
        guard let stat = ProcStat(parsing: line) else {
            throw ProcError(path: proc.path(pid, "stat"), errno: 3)  // ESRCH
        }
        self.pid = pid
        startTicks = stat.startTicks
        program = try? proc.fileIdentity(proc.path(pid, "exe"))
        stackStart = Self.stackStart(line)
    }

    /// Field 28 of the line (proc_pid_stat(5)), which is 0 for those who may not trace the process.
    private static func stackStart(_ line: [UInt8]) -> UInt64? {
        guard let close = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = line[close...].dropFirst(2).split(separator: UInt8(ascii: " "), maxSplits: 26)
        guard fields.count == 27, let address = UInt64(ascii: fields[25]), address > 1 else { return nil }
        return address
    }

    /// What has become of it.
    public func fate(in proc: ProcFS = ProcFS()) -> Fate {
        guard let bytes = try? proc.read(pid, "stat"), let stat = ProcStat(parsing: bytes) else { return .exited }
        guard stat.startTicks == startTicks else { return .reused }
        // A leader that is a zombie beside threads that live has not ended: a thread of it calls exec just now and takes
        // the leader's place, or the leader has left and the others go on.
        guard stat.threads > 1 || (stat.state != "Z" && stat.state != "X") else { return .exited }
        if let stackStart, let now = Self.stackStart(bytes), now != stackStart { return .replaced }
        guard let program, let now = try? proc.fileIdentity(proc.path(pid, "exe")) else { return .same }
        return now == program ? .same : .replaced
    }

    /// Whether it is the one it was.
    public func stillTheSame(in proc: ProcFS = ProcFS()) -> Bool { fate(in: proc) == .same }
}
