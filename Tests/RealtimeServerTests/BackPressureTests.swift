import ConsumerRuntime
import Observations
import RealtimeServer
import Replay
import Synchronization
import Testing
import WebSocket

/// How far a sender has come, as its test sees it: by path, of which every test has its own.
private final class Progress: Sendable {
    private static let all = Mutex<[String: Progress]>([:])
    private let state = Mutex((sent: 0, code: Int?.none))

    /// The progress on a path.
    static func on(_ path: String) -> Progress {
        all.withLock { all in
            let progress = all[path] ?? Progress()
            all[path] = progress
            return progress
        }
    }

    /// Sends that have returned.
    var sent: Int { state.withLock(\.sent) }
    /// The code of the disconnect that was delivered.
    var code: Int? { state.withLock(\.code) }

    func count() { state.withLock { $0.sent += 1 } }
    func disconnected(_ code: Int) { state.withLock { $0.code = code } }
}

/// Sends more than a socket holds, as soon as it is connected; echoes on any other path.
private final class FloodConsumer: WebSocketConsumer {
    static let pieces = 64
    static let piece = [UInt8](repeating: 0, count: 1 << 20)

    override func connect() async throws {
        try await accept()
        guard scope.path != "/echo" else { return }
        for _ in 0..<Self.pieces {
            try await send(bytes: Self.piece)
            Progress.on(scope.path).count()
        }
    }

    override func receive(text: String) async throws { try await send(text: text) }
    override func disconnect(code: Int) async throws { Progress.on(scope.path).disconnected(code) }
}

/// Sends as much from a task of its own, which runs on no loop, over WebSocket and HTTP alike.
private struct TaskFlood: ASGIApplication {
    func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        let isHTTP = scope.type == .http
        _ = try await receive()
        try await send(
            isHTTP ? .httpResponseStart(status: 200, headers: []) : .websocketAccept(subprotocol: nil, headers: []))
        try await Task.detached {
            for _ in 0..<FloodConsumer.pieces {
                let piece = FloodConsumer.piece
                try await send(isHTTP ? .httpResponseBody(piece, more: true) : .websocketSend(.bytes(piece)))
                Progress.on(scope.path).count()
            }
        }.value
    }
}

@Suite("Back-pressure: a send waits for a client that does not read") struct BackPressureTests {
    private let application: any ASGIApplication = URLRouter([
        .init("task/<path:any>", TaskFlood()), .init("<path:any>", FloodConsumer.application()),
    ])
    /// What the sender may be ahead of its reader: what the sockets on either side hold (tcp(7): 4 MB to send by
    /// default), and the message that filled them.
    private static let most = 24

    /// A client that has shaken hands, or asked for a page, and reads nothing.
    private func mute(_ harness: Harness, _ path: String, isHTTP: Bool = false) throws -> RawSocket {
        let socket = try RawSocket(port: harness.server.port)
        socket.receiveLittle()
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        let upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key]
        let lines = ["GET \(path) HTTP/1.1", "Host: x"] + (isHTTP ? [] : upgrade) + ["", ""]
        socket.write(Array(lines.joined(separator: "\r\n").utf8))
        return socket
    }

    /// Waits until the sender is held up: a neighbour on its loop is served twice over and finds it where it was.
    private func heldUp(_ progress: Progress, _ neighbour: WebSocketClient) async throws -> Int {
        var last = -1
        while progress.sent == 0 || progress.sent != last {
            last = progress.sent
            for turn in 0..<2 { _ = try await neighbour.roundTrip("\(turn)") }
        }
        return last
    }

    @Test("it is held up before memory fills, goes on when the client reads, and nothing is lost")
    func readLater() async throws {
        let progress = Progress.on("/late")
        try await withServer(application) { harness in
            let neighbour = try await harness.connect("/echo")
            let socket = try mute(harness, "/late")
            let sent = try await heldUp(progress, neighbour)
            #expect(sent < Self.most)

            var bytes = await socket.readBytes()
            bytes.removeFirst(try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound)
            var reader = MessageReader(peer: .server)
            var whole = 0
            while !bytes.isEmpty {
                bytes.withUnsafeBytes { reader.read($0) { whole += $0 == .binary(FloodConsumer.piece) ? 1 : 0 } }
                guard whole < FloodConsumer.pieces else { break }
                bytes = await socket.readBytes()
            }
            #expect(whole == FloodConsumer.pieces)
            try await harness.eventually("every send has returned") { _ in progress.sent == FloodConsumer.pieces }
            socket.shutDown()
            await neighbour.close()
            try await harness.balanced(opened: 2)
        }
    }

    @Test(
        "it is held up no longer than the client is there; the consumer is told and the ledger balances",
        arguments: [false, true])
    func goesAway(reset: Bool) async throws {
        let path = "/gone/\(reset)"
        let progress = Progress.on(path)
        let log = try await withServer(application) { harness in
            let neighbour = try await harness.connect("/echo")
            var socket: RawSocket? = try mute(harness, path)
            #expect(try await heldUp(progress, neighbour) < Self.most)
            if reset { socket?.resetAtEnd() } else { socket?.shutDown() }
            if reset { socket = nil }
            try await harness.eventually("the consumer has ended") { $0.count(.ended) == 1 }
            // What is sent to a client that is gone is dropped, and nobody waits for it.
            #expect(progress.sent == FloodConsumer.pieces)
            #expect(progress.code == 1006)
            await neighbour.close()
            try await harness.balanced(opened: 2)
            withExtendedLifetime(socket) {}
        }
        #expect(log.connections().filter { $0.step == .ended }.allSatisfy { $0.outcome == .stopped })
    }

    @Test("a client that reads nothing answers no ping: it is given up, and who waits to send to it goes on")
    func pongNeverComes() async throws {
        var policy = DeliveryPolicy.hypercorn
        policy.pingInterval = .milliseconds(100)
        policy.pongDeadline = .milliseconds(100)
        let progress = Progress.on("/mute")
        try await withServer(application, policy: policy) { harness in
            let socket = try mute(harness, "/mute")
            try await harness.eventually("it is given up and its consumer has ended") {
                $0.count(.closed) == 1 && $0.count(.ended) == 1
            }
            #expect(progress.sent == FloodConsumer.pieces)
            #expect(progress.code == 1006)
            try await harness.balanced(opened: 1)
            withExtendedLifetime(socket) {}
        }
    }

    @Test("a task of the application's own waits like the consumer, over WebSocket and HTTP", arguments: [false, true])
    func fromATask(isHTTP: Bool) async throws {
        let path = "/task/\(isHTTP)"
        let progress = Progress.on(path)
        try await withServer(application) { harness in
            let neighbour = try await harness.connect("/echo")
            let socket = try mute(harness, path, isHTTP: isHTTP)
            #expect(try await heldUp(progress, neighbour) < Self.most)
            socket.shutDown()
            try await harness.eventually("nobody waits for a client that is gone") { _ in
                progress.sent == FloodConsumer.pieces
            }
            await neighbour.close()
            try await harness.balanced(opened: 2)
        }
    }
}
