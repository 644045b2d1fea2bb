import Testing

@testable import Replay

@Suite("Where clients come from")
struct SourceAddressesTests {
    @Test(
        "one address for few, and as many of loopback as their ports need; elsewhere the kernel's choice",
        arguments: [
            ("127.0.0.1", 21_000, 30_000, 1), ("127.0.0.1", 21_001, 30_000, 2), ("localhost", 60_000, 30_000, 3),
            ("192.0.2.1", 60_000, 30_000, 1), ("::1", 60_000, 30_000, 1), ("127.0.0.1", 100, 10, 15),
            ("127.0.0.1", 100_000, 1, 254),
        ])
    func count(_ host: String, _ clients: Int, _ ports: Int, _ count: Int) {
        let sources = SourceAddresses(for: clients, to: Endpoint(host: host, port: 80), ports: ports)
        #expect(sources.count == count)
        #expect(Set((0..<1000).map { sources.address(of: $0) }).count == count)
    }
}
