import ConsumerRuntime
import NIOCore
import NIOPosix
import Testing

/// channels' own example for its `HttpCommunicator`: a greeting.
private final class GreetingConsumer: HTTPConsumer {
    override func handle(body: [UInt8]) async throws {
        switch scope.path {
        case "/stream/":
            try await sendHeaders(headers: [Header("Content-Type", "text/plain")])
            for word in ["one", "two"] { try await sendBody(Array(word.utf8), more: true) }
            try await sendBody([])
        case "/broken/": throw AcceptConnection()
        default: try await sendResponse(text: "\(scope.method) \(scope.queryString) \(body.count)")
        }
    }

    override func disconnect() async throws { Self.disconnects.withLock { $0 += 1 } }

    static let disconnects = Counter()
}

@Suite("HTTP consumers without a server") struct HTTPConsumerTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let application = GreetingConsumer.application()

    @Test("a request and its response, as in Channels' own documentation")
    func response() async throws {
        let client = try await HTTPCommunicator(application, "POST", "/hello/?name=x", body: [1, 2, 3], on: loop)
        let response = try await client.response()
        #expect(response.status == 200)
        #expect(response.text == "POST name=x 3")
        #expect(response.headers == [Header("content-type", "text/plain; charset=utf-8")])
    }

    @Test("a body that comes in pieces is put together")
    func pieces() async throws {
        let response = try await HTTPCommunicator(application, "GET", "/stream/", on: loop).response()
        #expect(response.text == "onetwo")
    }

    @Test("the consumer cleans up also when handling the request throws, and the error gets out")
    func broken() async throws {
        let before = GreetingConsumer.disconnects.withLock { $0 }
        let client = try await HTTPCommunicator(application, "GET", "/broken/", on: loop)
        await #expect(throws: AcceptConnection.self) { try await client.response() }
        #expect(GreetingConsumer.disconnects.withLock { $0 } > before)
    }

    @Test("a client that goes before its body is whole stops the consumer")
    func vanish() async throws {
        let scope = Scope(type: .http, method: "POST", path: "/hello/")
        let client = try await ApplicationCommunicator.start(application, scope, on: loop)
        try await client.send(input: .httpRequest(body: [1], more: true))
        try await client.send(input: .httpDisconnect)
        try await client.wait()
    }
}
