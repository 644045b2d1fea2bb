/// What /proc/PID/status says about a process's rights. Source: proc_pid_status(5).
public struct ProcessCredentials: Hashable, Sendable {
    /// A user or group id as the kernel keeps it.
    public struct Identity: Hashable, Sendable {
        /// The real id.
        public var real: UInt32
        /// The effective id.
        public var effective: UInt32
        /// The saved id.
        public var saved: UInt32
    }

    /// Its name (comm).
    public var name: String
    /// The letter of its state.
    public var state: Character
    /// Its parent.
    public var parent: Int32
    /// Its user.
    public var user: Identity
    /// Its group.
    public var group: Identity
    /// Capabilities it may use (CapPrm), as bits.
    public var permitted: UInt64
    /// Capabilities in force (CapEff).
    public var effective: UInt64
    /// Capabilities it can ever have (CapBnd).
    public var bounding: UInt64
    /// It can gain no rights through exec, so sudo does not work in it (no_new_privs).
    public var gainsNothing: Bool
    /// A seccomp filter is in force (Seccomp: 2).
    public var isFiltered: Bool
    /// It has memory of its own (VmSize): kernel threads and zombies have none.
    public var hasMemory: Bool

    /// CAP_SYS_PTRACE as a bit. Source: include/uapi/linux/capability.h.
    public static let tracing: UInt64 = 1 << 19

    /// Parses the text; `nil` when a needed line is missing or damaged.
    public init?(parsing text: [UInt8]) {
        var fields: [Substring: Substring] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            // The first wins: nothing that a process can name itself comes after `Name`.
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            if fields[line[..<colon]] == nil { fields[line[..<colon]] = value }
        }
        func identity(_ name: Substring) -> Identity? {
            let ids = (fields[name] ?? "").split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) }
            return ids.count >= 3 ? Identity(real: ids[0], effective: ids[1], saved: ids[2]) : nil
        }
        func bits(_ name: Substring) -> UInt64? { fields[name].flatMap { UInt64($0, radix: 16) } }
        guard let name = fields["Name"], let state = fields["State"]?.first,
            let parent = fields["PPid"].flatMap({ Int32($0) }), let user = identity("Uid"),
            let group = identity("Gid"), let permitted = bits("CapPrm"), let effective = bits("CapEff")
        else { return nil }
        self.name = String(name)
        self.state = state
        self.parent = parent
        self.user = user
        self.group = group
        self.permitted = permitted
        self.effective = effective
        bounding = bits("CapBnd") ?? permitted
        gainsNothing = fields["NoNewPrivs"] == "1"
        isFiltered = fields["Seccomp"] == "2"
        hasMemory = fields["VmSize"] != nil
    }

    /// Reads the credentials of a process, or, as `self`, our own.
    public init?(of process: String, in proc: ProcFS) {
        guard let text = try? proc.read("\(proc.root)/\(process)/status", limit: 16384) else { return nil }
        self.init(parsing: text)
    }
}
