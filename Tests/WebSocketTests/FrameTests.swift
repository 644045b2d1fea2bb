import Testing

@testable import WebSocket

/// Feeds bytes in one piece and collects the events.
func events(_ bytes: [UInt8], from peer: MessageReader.Peer = .server, limit: Int = 1 << 20) -> [WebSocketEvent] {
    events(inPieces: [bytes], from: peer, limit: limit)
}

func events(inPieces pieces: [[UInt8]], from peer: MessageReader.Peer, limit: Int = 1 << 20) -> [WebSocketEvent] {
    var reader = MessageReader(peer: peer, limit: limit)
    var seen: [WebSocketEvent] = []
    for piece in pieces { piece.withUnsafeBytes { bytes in reader.read(bytes) { seen.append($0) } } }
    return seen
}

@Suite("Frames") struct FrameTests {
    @Test(
        "the examples of RFC 6455 §5.7 read as they should",
        arguments: [
            ([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], MessageReader.Peer.server, WebSocketEvent.text("Hello")),
            ([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], .client, .text("Hello")),
            ([0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], .server, .text("Hello")),
            ([0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], .server, .ping(Array("Hello".utf8))),
            ([0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], .client, .pong(Array("Hello".utf8))),
        ] as [([UInt8], MessageReader.Peer, WebSocketEvent)])
    func examples(bytes: [UInt8], peer: MessageReader.Peer, event: WebSocketEvent) {
        #expect(events(bytes, from: peer) == [event])
    }

    @Test(
        "a payload of any size comes back as it went, from both sides",
        arguments: [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_001])
    func roundTrip(size: Int) {
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var client = FrameWriter.client(seed: 7)
        var server = FrameWriter.server
        let masked = client.frame(.binary, payload)
        let plain = server.frame(.binary, payload)
        #expect(masked.count == client.size(size))
        #expect(plain.count == server.size(size))
        #expect(events(masked, from: .client) == [.binary(payload)])
        #expect(events(plain, from: .server) == [.binary(payload)])
    }

    @Test("bytes may come in pieces of any size", arguments: 1...40)
    func pieces(size: Int) {
        var writer = FrameWriter.client(seed: UInt64(size))
        let long = String(repeating: "größe €𝄞 ", count: 30)
        var bytes = writer.frame(.text, "hé".utf8)
        bytes += writer.frame(.text, Array(long.utf8.prefix(200)), isFinal: false)
        bytes += writer.frame(.ping, [1, 2, 3])
        bytes += writer.frame(.continuation, Array(long.utf8.dropFirst(200)))
        bytes += writer.frame(.binary, [])
        bytes += writer.frame(.close, FrameWriter.closePayload(.goingAway, reason: "bye"))
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        #expect(
            events(inPieces: pieces, from: .client)
                == [.text("hé"), .ping([1, 2, 3]), .text(long), .binary([]), .close(.goingAway, reason: "bye")])
    }

    @Test("a stream cut at any byte gives the events before the cut and nothing else")
    func truncation() {
        var writer = FrameWriter.client(seed: 1)
        let frames = [writer.frame(.text, "one".utf8), writer.frame(.ping, []), writer.frame(.text, "two".utf8)]
        let whole = frames.flatMap { $0 }
        let all = events(whole, from: .client)
        for length in 0..<whole.count {
            let seen = events(Array(whole[..<length]), from: .client)
            #expect(seen == Array(all.prefix(seen.count)))
        }
    }

    @Test("no byte anywhere makes the reader trap")
    func anyByte() {
        var writer = FrameWriter.client(seed: 3)
        let good = writer.frame(.text, "héllo".utf8, isFinal: false) + writer.frame(.continuation, "!".utf8)
        for place in good.indices {
            for byte in UInt8.min...UInt8.max {
                var bad = good
                bad[place] = byte
                _ = events(bad, from: .client, limit: 100)
            }
        }
    }

    @Test(
        "what the RFC forbids is answered with its close code",
        arguments: [
            ([0xC1, 0x00], ProtocolViolation.reservedBits), ([0x91, 0x00], .reservedBits),
            ([0xA1, 0x00], .reservedBits),
            ([0x83, 0x00], .unknownOpcode), ([0x8B, 0x00], .unknownOpcode), ([0x81, 0x80, 0, 0, 0, 0], .wrongMasking),
            ([0x81, 0x7E, 0x00, 0x7D], .badLength), ([0x81, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .badLength),
            ([0x81, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], .badLength), ([0x09, 0x00], .badControlFrame),
            ([0x89, 0x7E, 0x00, 0x80], .badControlFrame), ([0x80, 0x00], .continuationWithoutStart),
            ([0x01, 0x00, 0x81, 0x00], .messageInsideMessage), ([0x88, 0x01, 0x03], .badCloseFrame),
            ([0x88, 0x02, 0x03, 0xED], .badCloseFrame), ([0x88, 0x02, 0x03, 0xE7], .badCloseFrame),
            ([0x88, 0x02, 0x13, 0x88], .badCloseFrame), ([0x88, 0x03, 0x03, 0xE8, 0xFF], .notUTF8),
            ([0x81, 0x01, 0xFF], .notUTF8), ([0x81, 0x02, 0xC3, 0x28], .notUTF8), ([0x81, 0x01, 0xC3], .notUTF8),
            ([0x01, 0x01, 0xC3, 0x80, 0x01, 0x28], .notUTF8), ([0x82, 0x7E, 0x04, 0x01], .tooBig),
            ([0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .tooBig),
        ] as [([UInt8], ProtocolViolation)])
    func violations(bytes: [UInt8], violation: ProtocolViolation) {
        #expect(events(bytes, limit: 1024) == [.failure(violation)])
        #expect(violation.closeCode.mayTravel)
    }

    @Test("fragments that are small one by one may not pass the limit together")
    func fragmentLimit() {
        var writer = FrameWriter.server
        let piece = writer.frame(.binary, [UInt8](repeating: 0, count: 60), isFinal: false)
        let more = writer.frame(.continuation, [UInt8](repeating: 0, count: 60))
        #expect(events(piece + more, limit: 120) == [.binary([UInt8](repeating: 0, count: 120))])
        #expect(events(piece + more, limit: 119) == [.failure(.tooBig)])
    }

    @Test("nothing is read after a close frame or a violation")
    func finished() {
        #expect(events([0x88, 0x00, 0x81, 0x00]) == [.close(.noStatus, reason: "")])
        #expect(events([0x83, 0x00, 0x81, 0x00]) == [.failure(.unknownOpcode)])
    }

    @Test("the payload of a close frame is cut between characters and never over 125 bytes")
    func closePayload() {
        let payload = FrameWriter.closePayload(.normal, reason: String(repeating: "€", count: 60))
        #expect(payload.count == 125 - 123 % 3)
        #expect(FrameWriter.closePayload(.abnormal) == [])
        #expect(
            events([0x88, UInt8(payload.count)] + payload) == [
                .close(.normal, reason: String(repeating: "€", count: 41))
            ])
    }
}
