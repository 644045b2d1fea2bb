import ConsumerRuntime
import Demo
import EmbeddedProbe
@preconcurrency import Glibc
import Observations
import RealtimeServer
import Testing

/// Answers as its path says.
private final class RequestConsumer: HTTPConsumer {
    struct Told: Error {}

    override func handle(body: [UInt8]) async throws {
        switch scope.path {
        case "/throw": throw Told()
        case "/throw late":
            try await sendHeaders()
            try await sendBody([1], more: true)
            throw Told()
        case "/nothing": break
        case "/large":
            try await sendHeaders()
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<64 { try await sendBody(piece, more: true) }
            try await sendBody([])
        case "/wait": try await Task.sleep(for: .seconds(3600))
        default: try await sendResponse(text: "\(scope.method) \(scope.path)?\(scope.queryString) \(body.count)")
        }
    }
}

@Suite("HTTP/1.1") struct HTTPTests {
    private let application = RequestConsumer.application()

    private func get(_ path: String, _ fields: String = "") -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n".utf8)
    }

    /// Reads until `end` is at the end of what has come, or the connection ends.
    private func read(_ socket: RawSocket, to end: String? = nil) async -> String {
        var text = ""
        while end.map({ !text.hasSuffix($0) }) ?? true {
            let piece = await socket.read()
            guard !piece.isEmpty else { break }
            text += piece
        }
        return text
    }

    @Test(
        "a request of which nobody can say which host it means is 400",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400), ("GET / HTTP/1.0\r\n\r\n", 200),
            ("GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200),
            (
                "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400
            ),
        ])
    func hosts(request: String, status: Int) async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(Array(request.utf8))
            #expect(await read(socket).hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test("a connection serves request after request, also those sent ahead, in their order")
    func keepAlive() async throws {
        let log = try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            for turn in 1...3 {
                socket.write(get("/\(turn)?a=b"))
                #expect(await read(socket, to: "GET /\(turn)?a=b 0").hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
            socket.write((1...20).flatMap { get("/ahead\($0)") })
            let text = await read(socket, to: "/ahead20? 0")
            let order = text.split(separator: "GET /ahead").dropFirst().map { $0.prefix { $0 != "?" } }
            #expect(order == (1...20).map { "\($0)" })
            socket.write(get("/last", "Connection: close\r\n"))
            #expect(await read(socket).hasSuffix("GET /last? 0"))
            try await harness.balanced(opened: 24)
        }
        #expect(log.connections().filter { $0.step == .ended }.allSatisfy { $0.outcome == .stopped })
    }

    @Test(
        "a body is put together, counted or chunked, in pieces of any size",
        arguments: [1, 7, 1000], ["Content-Length: 5000\r\n", "Transfer-Encoding: chunked\r\n"])
    func bodies(piece: Int, framing: String) async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            let isChunked = framing.contains("chunked")
            let chunk = Array("3e8\r\n".utf8) + [UInt8](repeating: 65, count: 1000) + Array("\r\n".utf8)
            let body =
                isChunked ? (0..<5).flatMap { _ in chunk } + Array("0\r\n\r\n".utf8) : Array(repeating: 65, count: 5000)
            var rest = (Array("POST /p HTTP/1.1\r\nHost: x\r\n\(framing)\r\n".utf8) + body)[...]
            while !rest.isEmpty {
                socket.write(Array(rest.prefix(piece)))
                rest = rest.dropFirst(piece)
            }
            #expect(await read(socket, to: "POST /p? 5000").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test(
        "what the application does wrong is 500, or a response that ends too early",
        arguments: [("/throw", "HTTP/1.1 500"), ("/nothing", "HTTP/1.1 500"), ("/throw%20late", "HTTP/1.1 200")])
    func wrong(path: String, answer: String) async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(get(path))
            let text = await read(socket)
            #expect(text.hasPrefix(answer))
            #expect(!text.hasSuffix("0\r\n\r\n"))
            try await harness.balanced(opened: 1)
        }
    }

    @Test(
        "what a client does wrong is answered, and leaves nothing behind",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "a", count: 100_000), 431),
            ("GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "X: a\r\n", count: 200), 431),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("CONNECT x:1 HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 400), ("\u{1}\u{2}\r\n\r\n", 400),
        ])
    func malformed(request: String, status: Int) async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(Array(request.utf8))
            #expect(await read(socket).hasPrefix("HTTP/1.1 \(status) "))
            try await harness.eventually("opened = closed, started = ended") {
                $0.count(.opened) == $0.count(.closed) && $0.count(.started) == $0.count(.ended)
            }
        }
    }

    @Test("a client that dawdles is given up: over its head, over its body, and between two requests")
    func slowLoris() async throws {
        let limits = HTTPLimits(idleDeadline: .milliseconds(150), bodyDeadline: .milliseconds(150), bodyLeast: 1000)
        let configuration = ServerConfiguration(policy: .hypercorn, requestDeadline: .milliseconds(150), http: limits)
        try await withServer(application, configuration: configuration) { harness in
            for (beginning, answer) in [
                ("GET / HT", ""), ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc", "HTTP/1.1 408"),
                ("", ""),
            ] {
                let socket = try RawSocket(port: harness.server.port)
                socket.write(Array(beginning.utf8))
                #expect(await read(socket).hasPrefix(answer))
            }
            let idle = try RawSocket(port: harness.server.port)
            idle.write(get("/once"))
            #expect(await read(idle).hasSuffix("GET /once? 0"))
            try await harness.eventually("nothing is left") { $0.count(.opened) == $0.count(.closed) }
        }
    }

    @Test("a response larger than the socket's buffer waits for its reader, and comes whole")
    func backPressure() async throws {
        try await withServer(application) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(get("/large"))
            var count = 0
            var last = ""
            while !last.hasSuffix("0\r\n\r\n") {
                last = await socket.read()
                guard !last.isEmpty else { break }
                count += last.utf8.count
            }
            #expect(count > 64 << 20)
            #expect(harness.server.configuration.loops == 1)
        }
    }

    @Test("a client that goes while its request is handled stops nothing but its own consumer")
    func vanish() async throws {
        let log = try await withServer(application, policy: .daphne(closeDeadline: .milliseconds(50))) { harness in
            let socket = try RawSocket(port: harness.server.port)
            socket.write(get("/wait"))
            try await harness.eventually("the request is being handled") { $0.count(.started) == 1 }
            socket.shutDown()
            try await harness.balanced(opened: 1)
        }
        #expect(log.connections().last { $0.step == .ended }?.outcome == .killed)
    }

    @Test("a server that stops lets a response under way come to its end, and takes no other request")
    func stopping() async throws {
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let idle = try RawSocket(port: server.port)
        idle.write(get("/"))
        #expect(await read(idle, to: "client.\n").hasPrefix("HTTP/1.1 200"))
        async let cancelled = server.stop(deadline: .seconds(5))
        #expect(await read(idle).isEmpty)
        #expect(await cancelled == 0)
    }
}
