import Testing

@testable import Replay

@Suite("Where clients come from")
struct SourceAddressesTests {
    @Test(
        "one address for few, and as many of loopback as their ports need; elsewhere the kernel's choice",
        arguments: [
            ("127.0.0.1", 20_000, 1), ("127.0.0.1", 20_001, 2), ("localhost", 60_000, 3), ("192.0.2.1", 60_000, 1),
            ("::1", 60_000, 1),
        ])
    func count(_ host: String, _ clients: Int, _ count: Int) {
        let sources = SourceAddresses(for: clients, to: Endpoint(host: host, port: 80))
        #expect(sources.count == count)
        #expect(Set((0..<100).map { sources.address(of: $0) }).count == count)
    }
}
