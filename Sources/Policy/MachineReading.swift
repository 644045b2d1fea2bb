/// What a machine allows, as /proc says it; `nil` is what could not be read.
public struct MachineReading: Hashable, Sendable {
    /// /proc/sys/kernel/yama/ptrace_scope; `nil` also where the kernel has no Yama.
    public var ptraceScope: Int?
    /// Whether we have CAP_SYS_PTRACE.
    public var mayTrace: Bool
    /// /proc/sys/kernel/perf_event_paranoid.
    public var perfParanoia: Int?
    /// The soft limit of open files.
    public var softFiles: Int?
    /// The hard limit of open files.
    public var hardFiles: Int?
    /// /proc/sys/net/ipv4/ip_local_port_range.
    public var ports: ClosedRange<Int>?
    /// /proc/sys/net/core/somaxconn.
    public var backlog: Int?

    /// A reading.
    public init(
        ptraceScope: Int? = nil, mayTrace: Bool = false, perfParanoia: Int? = nil, softFiles: Int? = nil,
        hardFiles: Int? = nil, ports: ClosedRange<Int>? = nil, backlog: Int? = nil
    ) {
        (self.ptraceScope, self.mayTrace, self.perfParanoia) = (ptraceScope, mayTrace, perfParanoia)
        (self.softFiles, self.hardFiles, self.ports, self.backlog) = (softFiles, hardFiles, ports, backlog)
    }
}

/// One row about the machine: a setting, its value, and what to do about it.
public struct MachineRow: Hashable, Sendable {
    /// The setting's name: `ptrace_scope`, `open files`.
    public var setting: String
    /// Its value in words; `nil` when it could not be read.
    public var value: String?
    /// How it is judged.
    public var mark: PolicyAdvice.Mark
    /// What it means here.
    public var meaning: String
    /// The command that changes it, where that helps.
    public var remedy: String?
}

extension MachineReading {
    /// Descriptors of a server that are not connections: libraries, logs, databases. Python servers have some 20 to 60.
    static let otherFiles = 64

    /// The rows, for a server that is to hold so many connections.
    public func rows(connections: Int) -> [MachineRow] {
        [ptraceRow, perfRow, filesRow(connections), portsRow(connections), backlogRow(connections)]
    }

    private var ptraceRow: MachineRow {
        let name = "ptrace_scope"
        guard let ptraceScope else {
            return MachineRow(
                setting: name, value: "no Yama", mark: .good,
                meaning: "the processes of your own user may be read" + (mayTrace ? ", and all others" : ""))
        }
        let value = "\(ptraceScope)"
        switch (ptraceScope, mayTrace) {
        case (...0, _):
            return MachineRow(
                setting: name, value: value, mark: .good, meaning: "the processes of your own user may be read")
        case (1...2, true):
            return MachineRow(
                setting: name, value: value, mark: .good, meaning: "CAP_SYS_PTRACE lets you read any process")
        case (1, false):
            return MachineRow(
                setting: name, value: value, mark: .bad,
                meaning: "only servers that loopscope launches may be read (run, doctor -- COMMAND)",
                remedy: "run as root, or `sudo sysctl kernel.yama.ptrace_scope=0`")
        case (2, false):
            return MachineRow(
                setting: name, value: value, mark: .bad, meaning: "only root may read a process", remedy: "run as root")
        default:
            return MachineRow(
                setting: name, value: value, mark: .bad, meaning: "nobody may read a process until a restart",
                remedy: "count from the inside instead: `loopscope run -- COMMAND`")
        }
    }

    private var perfRow: MachineRow {
        let name = "perf_event_paranoid"
        guard let perfParanoia else {
            return MachineRow(
                setting: name, value: nil, mark: .remark, meaning: "the kernel has no perf events; loopscope needs none"
            )
        }
        return MachineRow(
            setting: name, value: "\(perfParanoia)", mark: .good,
            meaning: "loopscope needs none of it"
                + (perfParanoia > 1 ? "; perf and samply would want 1 or less" : ""))
    }

    private func filesRow(_ connections: Int) -> MachineRow {
        let name = "open files"
        let needed = connections + Self.otherFiles
        let value = softFiles.map { "\($0)" + (hardFiles.map { " of \($0)" } ?? "") }
        guard let softFiles else {
            return MachineRow(setting: name, value: nil, mark: .good, meaning: "not limited, or not known")
        }
        if softFiles >= needed {
            return MachineRow(
                setting: name, value: value, mark: .good,
                meaning: "enough for \(connections) connections of one process, and \(Self.otherFiles) files besides")
        }
        let mayRaise = hardFiles.map { $0 >= needed } ?? true
        return MachineRow(
            setting: name, value: value, mark: .bad,
            meaning:
                "a process that is started here holds \(max(0, softFiles - Self.otherFiles)) connections of \(connections)",
            remedy: mayRaise
                ? "`ulimit -n \(needed)` before the server starts, or LimitNOFILE=\(needed) in its systemd unit"
                : "LimitNOFILE=\(needed) in its systemd unit (or `* hard nofile \(needed)` in /etc/security/limits.conf)"
        )
    }

    private func portsRow(_ connections: Int) -> MachineRow {
        let name = "local ports"
        guard let ports else {
            return MachineRow(setting: name, value: nil, mark: .unknown, meaning: "could not be read")
        }
        let value = "\(ports.lowerBound)–\(ports.upperBound)"
        guard ports.count < connections else {
            return MachineRow(
                setting: name, value: value, mark: .good,
                meaning: "enough for \(connections) clients of one address, or a proxy, to one port")
        }
        return MachineRow(
            setting: name, value: value, mark: .bad,
            meaning: "one address, such as a proxy's, opens \(ports.count) connections to a port, not \(connections)",
            remedy: "`sudo sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`, or more addresses on either side")
    }

    private func backlogRow(_ connections: Int) -> MachineRow {
        let name = "somaxconn"
        guard let backlog else {
            return MachineRow(setting: name, value: nil, mark: .unknown, meaning: "could not be read")
        }
        // When a server restarts, its clients come back together: a tenth of them within one turn of the loop is usual.
        let burst = min(connections / 10, 4096)
        guard backlog < burst else {
            return MachineRow(
                setting: name, value: "\(backlog)", mark: .good,
                meaning: "handshakes that may wait; the server's own backlog counts too (uvicorn --backlog 2048)")
        }
        return MachineRow(
            setting: name, value: "\(backlog)", mark: .bad,
            meaning: "when \(connections) clients come back at once, more than that wait, and are turned away",
            remedy: "`sudo sysctl net.core.somaxconn=4096`, and the server's own backlog")
    }
}
