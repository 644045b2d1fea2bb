import Policy
import ProcessFixtures
import ProcessProbe
import Testing

@Suite("What a machine allows")
struct MachineLimitsTests {
    @Test("is read from /proc")
    func reads() throws {
        let fake = try FakeProc([
            "sys/kernel/yama/ptrace_scope": "1\n", "sys/kernel/perf_event_paranoid": "-1\n",
            "sys/net/ipv4/ip_local_port_range": "32768\t60999\n", "sys/net/core/somaxconn": "4096\n",
            "self/limits": """
            Limit                     Soft Limit           Hard Limit           Units
            Max processes             100                  200                  processes
            Max open files            1024                 524288               files

            """,
        ])
        #expect(
            MachineReading.read(fake.proc)
                == MachineReading(
                    ptraceScope: 1, perfParanoia: -1, softFiles: 1024, hardFiles: 524_288, ports: 32_768...60_999,
                    backlog: 4096))
    }

    @Test(
        "is unknown where /proc does not say, or says nonsense",
        arguments: [
            [:], ["sys/net/ipv4/ip_local_port_range": "60999 32768"], ["sys/net/core/somaxconn": "many"],
            ["self/limits": "Max open files            unlimited            unlimited            files"],
        ])
    func unreadable(_ files: [String: String]) throws {
        let fake = try FakeProc(files)
        #expect(MachineReading.read(fake.proc) == MachineReading())
    }
}
