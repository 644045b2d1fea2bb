import Synchronization
import Testing
import WebSocket

@testable import Replay

@Suite("A client of a hostile server")
struct HostileServerTests {
    @Test("there are more than a hundred ways to be hostile, each with a name of its own")
    func count() {
        let names = HostileAnswer.all.map(\.name) + HostileFrames.all.map(\.name)
        #expect(names.count >= 150)
        #expect(Set(names).count == names.count)
    }

    @Test("makes the right thing of an answer, in one piece and byte by byte", arguments: HostileAnswer.all)
    func answer(_ answer: HostileAnswer) {
        let key = "dGhlIHNhbXBsZSBub25jZQ=="
        let head = answer.head(key)
        for pieces in [[head], head.map { [$0] }] {
            var handshake = ClientHandshake(
                host: "h", target: "/", subprotocols: answer.offered, offersDeflate: answer.offersDeflate, key: key)
            var outcome = HostileAnswer.Expectation.waits
            for piece in pieces where outcome == .waits {
                do throws(Handshake.Rejection) {
                    let read = piece.withUnsafeBytes { bytes in
                        Result { () throws(Handshake.Rejection) in try handshake.read(bytes) }
                    }
                    if let (chosen, _) = try read.get() { outcome = .opens(subprotocol: chosen.subprotocol) }
                } catch { outcome = .rejected(error) }
            }
            #expect(outcome == answer.expectation)
        }
    }

    @Test("makes the right thing of frames, in one piece and byte by byte", arguments: HostileFrames.all)
    func frames(_ frames: HostileFrames) {
        for pieces in [[frames.bytes], frames.bytes.map { [$0] }] {
            var reader = MessageReader(peer: .server, limit: 64 << 20, inflater: frames.deflate ? ZlibInflater() : nil)
            var seen: [WebSocketEvent] = []
            for piece in pieces { piece.withUnsafeBytes { reader.read($0) { seen.append($0) } } }
            #expect(seen == frames.events)
        }
    }
}

@Suite("A client of a hostile server, over a real socket")
struct HostileSocketTests {
    /// A right answer to a key, and what follows it.
    private static func reply(_ key: String, _ more: [UInt8], _ deflate: Bool) -> [UInt8] {
        let agreement = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        let fields =
            Handshake.answer(key: key) + (deflate ? [(name: "Sec-WebSocket-Extensions", value: agreement)] : [])
        let lines = ["HTTP/1.1 101 Welcome"] + fields.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + more
    }

    @Test(
        "is told why it was not let in, and nothing waits longer than its own deadline",
        arguments: HostileAnswer.all)
    func answer(_ answer: HostileAnswer) async throws {
        // Only an answer that never ends is waited for.
        let limit = Duration.milliseconds(answer.expectation == .waits ? 20 : 20_000)
        try await HostileServer.with {
            (answer.head($0), .waits)
        } _: { server in
            do {
                let client = try await WebSocketClient.connect(
                    port: server.port, path: "/", subprotocols: answer.offered, compression: answer.offersDeflate,
                    timeout: limit)
                #expect(answer.expectation == .opens(subprotocol: client.subprotocol))
                await client.abort()
            } catch ClientError.rejected(let rejection) {
                #expect(answer.expectation == .rejected(rejection))
            } catch ClientError.timedOut {
                #expect(answer.expectation == .waits)
            }
        }
    }

    @Test("closes with the right code, and says what ended it", arguments: HostileFrames.all)
    func frames(_ frames: HostileFrames) async throws {
        let finish: HostileServer.Ending = frames.end == nil ? .finishes : .answers
        try await HostileServer.with {
            (Self.reply($0, frames.bytes, frames.deflate), finish)
        } _: { server in
            let client = try await WebSocketClient.connect(
                port: server.port, path: "/", compression: frames.deflate, closeTimeout: .seconds(60))
            var seen: [ClientMessage] = []
            while true {
                let message = try await client.receive()
                seen.append(message)
                if case .closed = message { break }
            }
            #expect(seen == frames.messages)
            var heard = server.heard.makeAsyncIterator()
            let answers = await heard.next() ?? []
            #expect(answers.last == frames.answer.map { .close($0, reason: "") } || frames.answer == nil)
        }
    }

    @Test(
        "leaves a server that neither closes nor falls silent", arguments: [[0x88, 0x02, 0x03, 0xE8], [0x83, 0x00]])
    func neverCloses(_ bytes: [UInt8]) async throws {
        try await HostileServer.with {
            (Self.reply($0, bytes, false), .waits)
        } _: { server in
            let client = try await WebSocketClient.connect(
                port: server.port, path: "/", closeTimeout: .milliseconds(20))
            guard case .closed(let code, _) = try await client.receive() else { throw ClientError.timedOut }
            #expect(code == (bytes[0] == 0x88 ? 1000 : 1002))
        }
    }

    @Test(
        "survives a connection cut at any byte of a conversation", arguments: [HostileServer.Ending.finishes, .resets])
    func cuts(_ ending: HostileServer.Ending) async throws {
        let frames: [UInt8] = [0x01, 0x02, 0xC3, 0xA4, 0x89, 0x01, 0x07, 0x80, 0x01, 0x61, 0x88, 0x02, 0x03, 0xE8]
        let length = Self.reply("dGhlIHNhbXBsZSBub25jZQ==", frames, false).count
        let cut = Counter()
        try await HostileServer.with { key in
            (Array(Self.reply(key, frames, false).prefix(cut.next())), ending)
        } _: { server in
            for place in 0..<length {
                do {
                    let client = try await WebSocketClient.connect(port: server.port, path: "/")
                    // A reset may overtake what was sent before it.
                    #expect(place >= length - frames.count)
                    while true {
                        guard case .closed(let code, _) = try await client.receive() else { continue }
                        #expect(code == 1006)
                        break
                    }
                } catch ClientError.unreachable {
                    #expect(place < length - frames.count || ending == .resets)
                }
            }
        }
    }
}

/// Counts from 0.
private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}

extension HostileFrames {
    /// What the client's user hears, the end included.
    var messages: [ClientMessage] {
        let said = heard.compactMap { event -> ClientMessage? in
            switch event {
            case .text(let text): .text(text)
            case .binary(let bytes): .bytes(bytes)
            case .pong(let payload): .pong(payload)
            default: nil
            }
        }
        switch end {
        case .failed(let violation): return said + [.closed(code: Int(violation.closeCode.rawValue), reason: "")]
        case .closed(let code, let reason): return said + [.closed(code: Int(code.rawValue), reason: reason)]
        case nil: return said + [.closed(code: 1006, reason: "")]
        }
    }
}
