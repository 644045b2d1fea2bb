import Glibc
import Testing

@testable import CPythonProbe

@Suite("Accepted connections")
struct AcceptedConnectionsTests {
    @Test("the kernel's table names its columns")
    func table() {
        let text = """
            Ip: Forwarding DefaultTTL
            Ip: 1 64
            Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens
            Tcp: 1 -1 17 4711
            """
        #expect(AcceptedConnections.count(in: text) == 4711)
    }

    @Test(
        "what is not that table is no number",
        arguments: [
            "", "Tcp: PassiveOpens", "Tcp: A PassiveOpens\nTcp: 1", "Tcp: PassiveOpens\nTcp: x", "Tcp: A\nTcp: 1",
            "Tcp: PassiveOpens\nTcp: 99999999999999999999",
        ])
    func hostile(text: String) {
        #expect(AcceptedConnections.count(in: text) == nil)
    }

    @Test("it is there for a process that runs")
    func live() { #expect(AcceptedConnections.count(of: getpid()) != nil) }
}
