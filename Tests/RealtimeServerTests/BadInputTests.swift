import Instruments
import ConsumerRuntime
import Observations
import RealtimeServer
import Replay
import Synchronization
import Testing
import WebSocket

/// A handler that does what a message says.
private final class ObedientConsumer: WebSocketConsumer {
    struct Told: Error {}

    override func connect() async throws {
        switch scope.queryString {
        case "throw": throw Told()
        case "undecided": break
        case "refuse": try await close(code: 4001)
        case "return": throw StopConsumer()
        case "twice":
            try await accept()
            try await accept()
        case "subprotocol": try await accept(subprotocol: scope.subprotocols.last)
        default: try await accept()
        }
    }

    override func receive(text: String) async throws {
        switch text {
        case "throw": throw Told()
        case "accept": try await accept()
        case "close twice":
            try await close(code: 4002, reason: "once")
            try await close(code: 4003)
        case "close": try await close(code: 4004)
        case "late":
            try await close()
            try await send(text: "too late")
        case "stop": throw StopConsumer()
        case "large": try await send(text: String(repeating: "x", count: 1 << 20))
        default: try await send(text: text)
        }
    }

    override func receive(bytes: [UInt8]) async throws { try await send(bytes: bytes) }
}

@Suite("Bad input: the ledger stays true") struct BadInputTests {
    private let application: any ASGIApplication = URLRouter([.init("", ObedientConsumer.application())])

    private func closeCode(of client: WebSocketClient) async throws -> Int {
        while true { if case .closed(let code, _) = try await client.receive() { return code } }
    }

    @Test(
        "a handshake that fails is answered with its status",
        arguments: [("/?throw", 500), ("/?refuse", 403), ("/?return", 500), ("/nowhere", 404)])
    func refused(path: String, status: Int) async throws {
        try await withServer(application) { harness in
            await #expect(throws: ClientError.rejected(.status(status))) { try await harness.connect(path) }
            try await harness.balanced(opened: 1)
        }
    }

    @Test("an application that neither accepts nor closes is answered for by the server")
    func undecided() async throws {
        var policy = DeliveryPolicy.hypercorn
        policy.handshakeDeadline = .milliseconds(50)
        try await withServer(application, policy: policy) { harness in
            await #expect(throws: ClientError.rejected(.status(500))) { try await harness.connect("/?undecided") }
            try await harness.balanced(opened: 1)
        }
    }

    @Test("an accept after an accept is the application's error, and closes with 1011")
    func acceptTwice() async throws {
        try await withServer(application) { harness in
            #expect(try await closeCode(of: harness.connect("/?twice")) == 1011)
            let client = try await harness.connect("/")
            try await client.send(text: "accept")
            #expect(try await closeCode(of: client) == 1011)
            try await harness.balanced(opened: 2)
        }
    }

    @Test(
        "what a handler does ends the connection with the code that says so",
        arguments: [("throw", 1011), ("close twice", 1011), ("close", 4004), ("late", 1000), ("stop", 1000)])
    func handlers(text: String, code: Int) async throws {
        try await withServer(application) { harness in
            let client = try await harness.connect("/")
            try await client.send(text: text)
            let seen = try await closeCode(of: client)
            #expect(seen == (text == "close twice" ? 4002 : code))
            try await harness.balanced(opened: 1)
        }
    }

    @Test("text, bytes, a large message and a subprotocol pass")
    func traffic() async throws {
        try await withServer(application) { harness in
            let client = try await harness.connect("/?subprotocol", subprotocols: ["a", "b"])
            #expect(client.subprotocol == "b")
            try await client.send(text: "größe")
            #expect(try await client.receive() == .text("größe"))
            try await client.send(bytes: [0, 255])
            #expect(try await client.receive() == .bytes([0, 255]))
            try await client.send(text: "large")
            #expect(try await client.receive() == .text(String(repeating: "x", count: 1 << 20)))
            try await client.ping([7])
            #expect(try await client.receive() == .pong([7]))
            #expect(await client.close(code: 4567, reason: "done") == 4567)
            try await harness.balanced(opened: 1)
        }
    }

    @Test(
        "a client that breaks the protocol gets its close code",
        arguments: [
            ([0x83, 0x80, 0, 0, 0, 0], 1002), ([0x81, 0x00], 1002), ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
            ([0x82, 0xFF, 0, 0, 0, 0, 0x06, 0, 0, 0, 0, 0, 0, 0], 1009), ([0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        ] as [([UInt8], Int)])
    func violations(bytes: [UInt8], code: Int) async throws {
        try await withServer(application) { harness in
            let client = try await harness.connect("/")
            try await client.send(raw: bytes)
            #expect(try await closeCode(of: client) == code)
            try await harness.balanced(opened: 1)
        }
    }

    @Test("a hundred megabytes announced are refused when they are announced, in one frame or in fragments")
    func announced() async throws {
        // 100 000 000 in the header's eight bytes of length, and no byte of them.
        let length: [UInt8] = [0xFF, 0, 0, 0, 0, 0x05, 0xF5, 0xE1, 0x00, 0, 0, 0, 0]
        let fragment: [UInt8] = [0x02, 0x81, 0, 0, 0, 0, 7]
        try await withServer(application) { harness in
            for bytes in [[0x82] + length, [0x81] + length, [0x02] + length, fragment + [0x80] + length] {
                let client = try await harness.connect("/")
                try await client.send(raw: bytes)
                #expect(try await closeCode(of: client) == 1009)
            }
            try await harness.balanced(opened: 4)
        }
    }

    @Test("a compression bomb is refused at the limit, with 1009, whatever it would have become")
    func bomb() async throws {
        let configuration = ServerConfiguration(policy: .hypercorn, messageLimit: 1 << 20)
        try await withServer(application, configuration: configuration) { harness in
            let client = try await WebSocketClient.connect(port: harness.server.port, path: "/", compression: true)
            #expect(client.isCompressed)
            try await client.send(bytes: [UInt8](repeating: 7, count: 1 << 20))
            #expect(try await client.receive() == .bytes([UInt8](repeating: 7, count: 1 << 20)))
            try await client.send(bytes: [UInt8](repeating: 7, count: 64 << 20))
            #expect(try await closeCode(of: client) == 1009)
            try await harness.balanced(opened: 1)
        }
    }

    @Test("clients that vanish at any point leave nothing behind", arguments: 0..<6)
    func vanish(point: Int) async throws {
        try await withServer(application, loops: 2) { harness in
            for _ in 0..<20 {
                let client = try await harness.connect("/")
                switch point {
                case 0: break
                case 1: try await client.send(text: "hello")
                case 2: _ = try await client.roundTrip("hello")
                case 3: try await client.send(raw: [0x81])
                case 4: try await client.send(frame: .text, Array("half".utf8), isFinal: false)
                default: try await client.send(text: "large")
                }
                await client.abort()
            }
            try await harness.balanced(opened: 20)
        }
    }

    @Test("what was sent before the answer of the handshake is not lost")
    func earlyFrames() async throws {
        try await withServer(application) { harness in
            let clients = try await withThrowingTaskGroup(of: WebSocketClient.self) { group in
                for _ in 0..<50 { group.addTask { try await harness.connect("/") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for client in clients { try await client.send(text: "one") }
            for client in clients { #expect(try await client.receive() == .text("one")) }
            for client in clients { await client.close() }
            try await harness.balanced(opened: 50)
        }
    }

    @Test("a client that never answers a ping is given up; one that does is not")
    func pings() async throws {
        var policy = DeliveryPolicy.hypercorn
        policy.pingInterval = .milliseconds(20)
        policy.pongDeadline = .seconds(3)
        try await withServer(application, policy: policy) { harness in
            let mute = try RawSocket(port: harness.server.port)
            mute.write(Array(upgradeRequest.utf8))
            let honest = try await harness.connect("/")
            try await harness.eventually("the mute client is given up") { $0.count(.closed) == 1 }
            #expect(try await honest.roundTrip("still here") > .zero)
            await honest.close()
            try await harness.balanced(opened: 2)
        }
    }

    @Test("a thousand clients that never answer a ping are all given up, and leave nothing behind")
    func muteCrowd() async throws {
        var policy = DeliveryPolicy.hypercorn
        policy.pingInterval = .milliseconds(100)
        policy.pongDeadline = .milliseconds(100)
        try await withServer(application, policy: policy, loops: 2) { harness in
            let crowd = try (0..<1000).map { _ in
                let socket = try RawSocket(port: harness.server.port)
                socket.write(Array(upgradeRequest.utf8))
                return socket
            }
            try await harness.balanced(opened: 1000)
            withExtendedLifetime(crowd) {}
        }
    }

    private var upgradeRequest: String {
        let fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        let lines = ["GET / HTTP/1.1", "Host: x"] + fields + ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]
        return lines.joined(separator: "\r\n")
    }

    @Test(
        "a request that is no handshake gets an answer in HTTP",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 500"),
            ("GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404"),
            ("rubbish\r\n\r\n", "HTTP/1.1 400"),
            ("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 426"),
        ])
    func plainHTTP(request: String, answer: String) async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(Array(request.utf8))
            #expect(await socket.read().hasPrefix(answer))
        }
    }

    @Test("a server that stops closes with 1012")
    func restart() async throws {
        let instrument = Instrument()
        let server = try await RealtimeServer.start(application: application, instrument: instrument)
        let client = try await WebSocketClient.connect(port: server.port, path: "/")
        let cancelled = await server.stop(deadline: .seconds(5))
        #expect(try await client.receive() == .closed(code: 1012, reason: ""))
        #expect(cancelled == 0)
    }
}
