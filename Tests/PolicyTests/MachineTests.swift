import Policy
import Testing

@Suite("The machine")
struct MachineTests {
    /// A machine that holds a thousand connections and lets its processes be read.
    private static let good = MachineReading(
        ptraceScope: 0, perfParanoia: 1, softFiles: 4096, hardFiles: 65_536, ports: 32_768...60_999, backlog: 4096)

    private static func with(_ change: (inout MachineReading) -> Void) -> MachineReading {
        var copy = good
        change(&copy)
        return copy
    }

    @Test("a machine that allows everything has nothing against it")
    func fine() {
        let rows = Self.good.rows(connections: 1000)
        #expect(
            rows.map(\.setting) == ["ptrace_scope", "perf_event_paranoid", "open files", "local ports", "somaxconn"])
        #expect(rows.allSatisfy { $0.mark == .good && $0.remedy == nil })
    }

    @Test(
        "what stands in the way is told with the command that helps",
        arguments: [
            (with { $0.ptraceScope = 1 }, 1000, "ptrace_scope", "sysctl kernel.yama.ptrace_scope=0"),
            (with { $0.ptraceScope = 2 }, 1000, "ptrace_scope", "run as root"),
            (with { ($0.ptraceScope, $0.mayTrace) = (3, true) }, 1000, "ptrace_scope", "loopscope run"),
            (with { $0.softFiles = 1024 }, 1000, "open files", "ulimit -n 1064"),
            (with { _ in }, 100_000, "open files", "LimitNOFILE=100064"),
            (with { $0.hardFiles = nil }, 5000, "open files", "ulimit -n 5064"),
            (with { _ in }, 28_233, "local ports", "ip_local_port_range"),
            (with { $0.backlog = 128 }, 10_000, "somaxconn", "net.core.somaxconn=4096"),
        ])
    func remedies(_ machine: MachineReading, _ connections: Int, _ setting: String, _ remedy: String) throws {
        let row = try #require(machine.rows(connections: connections).first { $0.setting == setting })
        #expect(row.mark == .bad)
        #expect(row.remedy?.contains(remedy) == true, "\(row)")
    }

    @Test(
        "what is enough is not complained of",
        arguments: [
            (with { ($0.ptraceScope, $0.mayTrace) = (1, true) }, 1000, "ptrace_scope"),
            (with { $0.ptraceScope = nil }, 1000, "ptrace_scope"),
            (with { $0.softFiles = nil }, 1_000_000, "open files"),
            (with { $0.softFiles = 1064 }, 1000, "open files"), (with { _ in }, 28_232, "local ports"),
            (with { $0.backlog = 100 }, 1000, "somaxconn"), (with { $0.perfParanoia = 4 }, 1, "perf_event_paranoid"),
        ])
    func enough(_ machine: MachineReading, _ connections: Int, _ setting: String) throws {
        let row = try #require(machine.rows(connections: connections).first { $0.setting == setting })
        #expect(row.mark == .good && row.remedy == nil, "\(row)")
    }

    @Test("what could not be read is said to be unknown, and nothing is guessed")
    func unread() {
        let rows = MachineReading().rows(connections: 1000)
        #expect(rows.filter { $0.mark == .bad }.isEmpty)
        #expect(
            rows.filter { $0.value == nil }.map(\.setting) == [
                "perf_event_paranoid", "open files", "local ports", "somaxconn",
            ])
    }
}
