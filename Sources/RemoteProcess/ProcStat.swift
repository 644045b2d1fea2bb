/// One line of /proc/PID/stat or /proc/PID/task/TID/stat. Source: proc_pid_stat(5).
public struct ProcStat: Hashable, Sendable {
    /// Process or thread id.
    public var pid: Int32
    /// Its name, at most 15 bytes, which may hold anything: spaces, parentheses, line ends.
    public var comm: String
    /// R, S, D, Z, T, t, X, I.
    public var state: Character
    /// Its parent.
    public var parent: Int32
    /// CPU time in user mode, in clock ticks (100 a second).
    public var userTicks: UInt64
    /// CPU time in the kernel, in clock ticks.
    public var systemTicks: UInt64
    /// Threads of the process.
    public var threads: Int
    /// When it started, in clock ticks since boot.
    public var startTicks: UInt64
    /// Resident set in pages.
    public var residentPages: Int

    /// Parses the line; `nil` when it is not one.
    public init?(parsing line: some Collection<UInt8>) {
        // The name may contain anything, ") R 1" included; nothing after it contains a parenthesis.
        let line = Array(line)
        guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = line.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Int32(ascii: line[..<open].dropLast())
        else { return nil }
        let fields = line[(close + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        // fields[0] is field 3 of the manual page.
        guard fields.count >= 22, let state = fields[0].first, let parent = Int32(ascii: fields[1]),
            let user = UInt64(ascii: fields[11]), let system = UInt64(ascii: fields[12]),
            let threads = Int(ascii: fields[17]), let start = UInt64(ascii: fields[19]),
            let resident = Int(ascii: fields[21])
        else { return nil }
        self.pid = pid
        comm = String(decoding: line[(open + 1)..<close], as: UTF8.self)
        self.state = Character(Unicode.Scalar(state))
        self.parent = parent
        userTicks = user
        systemTicks = system
        self.threads = threads
        startTicks = start
        residentPages = resident
    }
}

extension FixedWidthInteger {
    /// A whole decimal number in ASCII, or `nil`: foreign text never traps and never wraps.
    init?(ascii text: some Collection<UInt8>) {
        self.init(String(decoding: text, as: UTF8.self))
    }
}
