import Testing

@testable import WebSocket

@Suite("permessage-deflate") struct DeflateTests {
    private func compressed(_ message: [UInt8], bits: Int = 15) throws -> [UInt8] {
        let deflater = try #require(ZlibDeflater(windowBits: bits))
        return try #require(message.withUnsafeBytes { deflater.deflate($0) })
    }

    private func events(_ pieces: [[UInt8]], limit: Int = 1 << 20) throws -> [WebSocketEvent] {
        var reader = MessageReader(peer: .server, limit: limit, inflater: ZlibInflater())
        var seen: [WebSocketEvent] = []
        for piece in pieces { piece.withUnsafeBytes { bytes in reader.read(bytes) { seen.append($0) } } }
        return seen
    }

    private func frame(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = true) -> [UInt8]
    {
        var writer = FrameWriter.server
        return writer.frame(opcode, payload, isFinal: isFinal, isCompressed: isCompressed)
    }

    @Test("the examples of RFC 7692 §7.2.3 read as they should")
    func examples() throws {
        let hello: [WebSocketEvent] = [.text("Hello")]
        #expect(try events([[0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]]) == hello)
        #expect(try events([[0x41, 0x03, 0xF2, 0x48, 0xCD], [0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00]]) == hello)
        #expect(try events([[0xC1, 0x0B, 0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]]) == hello)
        #expect(try events([[0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]]) == hello)
    }

    @Test("a message of any size comes back, with any window", arguments: [0, 1, 127, 128, 1000, 70_000], [9, 12, 15])
    func roundTrip(size: Int, bits: Int) throws {
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        #expect(try events([frame(.binary, try compressed(message, bits: bits))]) == [.binary(message)])
    }

    @Test("compressed and plain messages may follow each other, in pieces")
    func mixed() throws {
        let text = String(repeating: "größe ", count: 100)
        let bytes =
            frame(.text, try compressed(Array(text.utf8))) + frame(.text, Array("plain".utf8), isCompressed: false)
        for size in [1, 2, 7, bytes.count] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            #expect(try events(pieces) == [.text(text), .text("plain")])
        }
    }

    @Test("a bomb is refused at the limit, rubbish and wrong text at once")
    func refused() throws {
        let bomb = try compressed([UInt8](repeating: 0, count: 1 << 20))
        #expect(bomb.count < 4096)
        #expect(try events([frame(.binary, bomb)], limit: 100_000) == [.failure(.tooBig)])
        #expect(try events([frame(.binary, bomb)], limit: 1 << 20) == [.binary([UInt8](repeating: 0, count: 1 << 20))])
        #expect(try events([frame(.binary, [0xFF, 0xFF, 0xFF])]) == [.failure(.badCompression)])
        #expect(try events([frame(.text, try compressed([0xFF]))]) == [.failure(.notUTF8)])
        #expect(try events([frame(.text, try compressed([0xC3]))]) == [.failure(.notUTF8)])
        #expect(try events([frame(.ping, [])]) == [.failure(.reservedBits)])
    }

    @Test("no byte of a compressed message makes the reader trap")
    func anyByte() throws {
        let good = frame(.text, try compressed(Array("héllo héllo héllo".utf8)))
        for place in good.indices.dropFirst(2) {
            for byte in UInt8.min...UInt8.max {
                var bad = good
                bad[place] = byte
                _ = try events([bad], limit: 10_000)
            }
        }
    }

    @Test(
        "an offer is met or declined",
        arguments: [
            ("permessage-deflate", 15), ("permessage-deflate; client_max_window_bits", 15),
            ("permessage-deflate; server_max_window_bits=10", 10),
            ("permessage-deflate; server_max_window_bits=8", nil),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", 15), ("x-webkit-deflate-frame", nil),
            ("permessage-deflate; unknown", nil), ("permessage-deflate; server_max_window_bits", nil),
            ("permessage-deflate; client_max_window_bits=16", nil),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", nil), ("", nil),
        ] as [(String, Int?)])
    func offers(value: String, bits: Int?) {
        #expect(DeflateAgreement(offers: [("Sec-WebSocket-Extensions", value)])?.windowBits == bits)
    }

    @Test(
        "what a server makes of the client's offer is checked",
        arguments: [
            ("permessage-deflate; server_no_context_takeover", 15),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15),
            ("permessage-deflate; client_max_window_bits=9; server_no_context_takeover; server_max_window_bits=8", 9),
            ("permessage-deflate; server_no_context_takeover; client_max_window_bits=8", nil),
        ] as [(String, Int?)])
    func accepted(value: String, bits: Int?) throws {
        let agreement = try #require(try DeflateAgreement.accepted([("Sec-WebSocket-Extensions", value)]))
        #expect(agreement.windowBits == bits)
    }

    @Test(
        "a server that takes what was not offered is refused",
        arguments: [
            "permessage-deflate", "permessage-deflate; client_no_context_takeover", "x-webkit-deflate-frame",
            "permessage-deflate; server_no_context_takeover=1", "",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=16",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=7",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; unknown",
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
        ])
    func notOffered(value: String) {
        #expect(throws: Handshake.Rejection.notOffered) {
            try DeflateAgreement.accepted([("Sec-WebSocket-Extensions", value)])
        }
    }

    @Test("no offer was taken: nothing is compressed")
    func declined() throws { #expect(try DeflateAgreement.accepted([]) == nil) }
}
