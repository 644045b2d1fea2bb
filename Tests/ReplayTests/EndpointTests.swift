import Replay
import Testing

@Suite("An endpoint")
struct EndpointTests {
    @Test(
        "is read from a URL",
        arguments: [
            ("ws://127.0.0.1:8000", "127.0.0.1", 8000, "", true), ("http://localhost", "localhost", 80, "", true),
            ("ws://[::1]:9/app/", "::1", 9, "/app", true), ("ws://example.org:81/a?b", "example.org", 81, "/a", false),
            ("ws://127.0.0.1.example.org", "127.0.0.1.example.org", 80, "", false),
            ("ws://127.9.9.9", "127.9.9.9", 80, "", true),
        ])
    func reads(_ url: String, _ host: String, _ port: Int, _ prefix: String, _ isLoopback: Bool) throws {
        let endpoint = try #require(Endpoint(url: url))
        #expect(endpoint == Endpoint(host: host, port: port, prefix: prefix))
        #expect(endpoint.isLoopback == isLoopback)
    }

    @Test(
        "is refused where it is none",
        arguments: ["", "wss://localhost", "ws://", "ws://a:0", "ws://a:99999", "ws://me@host", "ws://[::1", "a:1"])
    func refuses(_ url: String) { #expect(Endpoint(url: url) == nil) }
}
