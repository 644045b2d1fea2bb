import NIOCore
import NIOPosix
import Testing

@testable import ConsumerRuntime

/// Says what middleware and routers put into its scope.
private final class ScopeConsumer: JSONWebSocketConsumer {
    override func connect() async throws {
        try await accept()
        var told = (scope.urlRoute?.kwargs ?? [:]).mapValues { LayerValue.string($0) }
        told["user"] = scope["user"] ?? .null
        told["route"] = .string(scope.urlRoute?.pattern ?? "")
        try await send(json: told)
    }
}

private final class DanceConsumer: ActionConsumer {
    override func receive(action: String, _ fields: [String: LayerValue]) async throws {
        switch action {
        case "dance": try await send(json: ["dancing": fields["with"] ?? "nobody"])
        default: try await super.receive(action: action, fields)
        }
    }
}

@Suite("Middleware and actions") struct MiddlewareTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("middleware around a nested router changes the scope and keeps the route a prefix")
    func nested() async throws {
        let inner = URLRouter([.init("room/<room>/", ScopeConsumer.application())])
        let application = URLRouter([
            .init("<tenant>/", Middleware(inner) { scope in scope["user"] = .string("user of \(scope.path)") })
        ])
        let client = try await WebSocketCommunicator(application, "/acme/room/7/", on: loop)
        _ = try await client.connect()
        let told = try await client.receiveJSON()
        #expect(told["tenant"] == "acme" && told["room"] == "7")
        #expect(told["user"] == "user of /acme/room/7/")
        #expect(told["route"] == "/<tenant>/room/<room>/")
        try await client.disconnect()
    }

    @Test("what middleware throws refuses the connection")
    func refuses() async throws {
        let application = Middleware(ScopeConsumer.application()) { _ in throw DenyConnection() }
        let client = try await WebSocketCommunicator(application, "/", on: loop)
        await #expect(throws: DenyConnection.self) { try await client.connect() }
    }

    @Test(
        "only pages of the hosts allowed may open a WebSocket",
        arguments: [
            ("https://example.com", true), ("http://example.com:8080", true), ("https://a.b.example.org", true),
            ("https://example.org", true), ("https://badexample.org", false), ("https://evil.com", false),
            ("https://evil.com/example.com", false), ("https://example.com@evil.com", false), ("null", false),
            ("https://[::1]:80", true), ("https://exact.net:8443", true), ("https://exact.net", false), ("", false),
        ])
    func origins(origin: String, isAllowed: Bool) async throws {
        let validator = OriginValidator(
            ScopeConsumer.application(),
            allowed: ["Example.com", ".example.org", "[::1]", "https://exact.net:8443"])
        #expect(validator.isAllowed(origin) == isAllowed)
        let headers = [Header("Origin", origin)]
        let client = try await WebSocketCommunicator(validator, "/", headers: headers, on: loop)
        #expect(try await client.connect() == (isAllowed ? .accepted(subprotocol: nil) : .refused(code: 4003)))
        await client.cancel()
    }

    @Test("a message goes to the handler of its action")
    func actions() async throws {
        let client = try await WebSocketCommunicator(DanceConsumer.application(), "/", on: loop)
        _ = try await client.connect()
        try await client.send(json: ["action": "dance", "with": "me"])
        #expect(try await client.receiveJSON() == .map(["dancing": "me"]))
        for (message, error) in [
            (#"{"action": "fly"}"#, "Unknown action: fly"), ("{}", "Unknown action: none"),
            ("[1]", "Unknown action: none"),
        ] {
            try await client.send(text: message)
            #expect(try await client.receiveJSON()["error"] == .string(error))
        }
        try await client.disconnect()
    }

    @Test(
        "JSON without end closes the connection and traps nothing",
        arguments: ["[", "{\"a\":", "1e999999", "\"\\ud800\""])
    func hostileJSON(piece: String) async throws {
        let client = try await WebSocketCommunicator(DanceConsumer.application(), "/", on: loop)
        _ = try await client.connect()
        try await client.send(text: String(repeating: piece, count: 100_000))
        await #expect(throws: (any Error).self) { try await client.receive() }
    }
}
