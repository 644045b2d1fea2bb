import Foundation
import Glibc
import Testing

/// A machine with very few ports: a network of its own with a narrow range.
@Suite("A machine that has no ports left")
struct PortExhaustionTests {
    /// Plays in a network namespace; loopback is brought up as `ip link set lo up` would (netdevice(7): SIOCSIFFLAGS, IFF_UP and IFF_RUNNING).
    private func play(clients: Int, ports: String) async throws -> Program.Outcome {
        let file = FileManager.default.temporaryDirectory.appending(path: "ports-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let scenario = """
            scenario: many
            path: /ws/echo/
            clients: {resident: [connect, {idle: 2 s}, close]}
            phases: [{phase: within a second, clients: resident, arrivals: {rate: \(clients)/s, for: 1 s}}]
            """
        try Data(scenario.utf8).write(to: file)
        let up =
            "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 0x49))"
        let range = "echo \(ports) > /proc/sys/net/ipv4/ip_local_port_range"
        return try await Program.shell(
            "unshare --net sh -c 'python3 -c \"\(up.replacing("'", with: "'\\''"))\" && \(range) && exec loopscope replay --fail-on never \(file.path)'"
        )
    }

    @Test("plays from more addresses, as long as there are", .enabled(if: geteuid() == 0, "only root makes a network"))
    func spread() async throws {
        let run = try await play(clients: 60, ports: "40000 40003")
        #expect(run.status == 0, "\(run)")
    }

    @Test(
        "and no address: says so, why, and what to do; what that leaves open is no verdict",
        .enabled(if: geteuid() == 0, "only root makes a network"))
    func exhausted() async throws {
        let run = try await play(clients: 300, ports: "40000 40000")
        #expect(run.status == 3, "\(run)")
        #expect(run.output.contains("it had no source port or no descriptor left"), "\(run)")
        #expect(run.output.contains("ports: 40000 to 40000 (net.ipv4.ip_local_port_range)"), "\(run)")
        #expect(run.output.contains("sudo sysctl net.ipv4.ip_local_port_range"), "\(run)")
    }
}
