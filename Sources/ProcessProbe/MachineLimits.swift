public import Policy
public import RemoteProcess

extension MachineReading {
    /// Reads what this machine allows us and what we start.
    ///
    /// Sources: proc_sys_kernel(5), proc_pid_limits(5), Documentation/networking/ip-sysctl.rst.
    public static func read(_ proc: ProcFS = ProcFS()) -> MachineReading {
        func words(_ name: String) -> [Int]? {
            guard let text = try? proc.read("\(proc.root)/\(name)", limit: 256) else { return nil }
            return text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n") }
                .compactMap { Int(ascii: $0) }
        }
        let ports = words("sys/net/ipv4/ip_local_port_range") ?? []
        let files = (try? proc.read("\(proc.root)/self/limits", limit: 8192)) ?? []
        let limits = fileLimits(parsing: files)
        return MachineReading(
            ptraceScope: words("sys/kernel/yama/ptrace_scope")?.first,
            mayTrace: (ProcessCredentials(of: "self", in: proc)?.effective ?? 0) & ProcessCredentials.tracing != 0,
            perfParanoia: words("sys/kernel/perf_event_paranoid")?.first, softFiles: limits.soft,
            hardFiles: limits.hard,
            ports: ports.count == 2 && ports[0] <= ports[1] ? ports[0]...ports[1] : nil,
            backlog: words("sys/net/core/somaxconn")?.first)
    }

    /// `Max open files   1024   524288   files`; `nil` for `unlimited`.
    private static func fileLimits(parsing text: [UInt8]) -> (soft: Int?, hard: Int?) {
        let name = Array("Max open files".utf8)
        guard let line = text.split(separator: UInt8(ascii: "\n")).first(where: { $0.starts(with: name) }) else {
            return (nil, nil)
        }
        let words = line.dropFirst(name.count).split(separator: UInt8(ascii: " "))
        return (words.first.flatMap { Int(ascii: $0) }, words.dropFirst().first.flatMap { Int(ascii: $0) })
    }
}
