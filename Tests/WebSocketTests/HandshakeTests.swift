import Testing

@testable import WebSocket

@Suite("Opening handshake") struct HandshakeTests {
    private let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private var good: [Handshake.Field] {
        [
            ("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        ]
    }

    @Test("the accept value is that of RFC 6455 §1.3")
    func accept() { #expect(Handshake.accept(key: key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") }

    @Test("SHA-1 agrees with FIPS 180's examples and at every length around a block")
    func sha1() {
        let hex = { (text: String) in
            SHA1.hash(Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(hex(String(repeating: "a", count: 55)) == "c1c8bbdc22796e28c0e15163d20899b65621d65a")
        #expect(hex(String(repeating: "a", count: 56)) == "c2db330f6083854c99d4b5bfb6e8f29f201be699")
        #expect(hex(String(repeating: "a", count: 64)) == "0098ba824b5c16427bd7a1122a5a442a25ec644d")
    }

    @Test("a request is taken or refused with the status that says why")
    func requests() throws {
        #expect(try Handshake.key(method: "GET", fields: good) == key)
        #expect(throws: Handshake.Refusal.notWebSocket) { try Handshake.key(method: "GET", fields: []) }
        #expect(throws: Handshake.Refusal.badRequest) { try Handshake.key(method: "POST", fields: good) }
        #expect(throws: Handshake.Refusal.badKey) { try Handshake.key(method: "GET", fields: Array(good.dropLast())) }
        #expect(throws: Handshake.Refusal.badKey) {
            try Handshake.key(method: "GET", fields: good.dropLast() + [("sec-websocket-key", "AAAA")])
        }
        #expect(throws: Handshake.Refusal.badKey) {
            try Handshake.key(method: "GET", fields: good + [("sec-websocket-key", key)])
        }
        let old = good.filter { $0.name != "Sec-WebSocket-Version" } + [("sec-websocket-version", "8")]
        #expect(throws: Handshake.Refusal.unsupportedVersion) { try Handshake.key(method: "GET", fields: old) }
        #expect(Handshake.Refusal.unsupportedVersion.status == 426)
        #expect(
            Handshake.subprotocols([("Sec-WebSocket-Protocol", "chat, superchat"), ("sec-websocket-protocol", " x ")])
                == ["chat", "superchat", "x"])
    }

    private func answer(_ text: String, by size: Int, offered: [String] = []) throws -> (String?, [UInt8])? {
        var client = ClientHandshake(host: "localhost", target: "/", subprotocols: offered, key: key)
        let bytes = Array(text.utf8)
        var rest: [UInt8] = []
        var chosen: String??
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            guard chosen == nil else {
                rest += piece
                continue
            }
            if let result = try piece.withUnsafeBytes({ try client.read($0) }) {
                chosen = .some(result.chosen.subprotocol)
                rest += result.rest
            }
        }
        return chosen.map { ($0, rest) }
    }

    private func head(_ fields: [Handshake.Field]) -> String {
        "HTTP/1.1 101 Switching Protocols\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n"
    }

    @Test("an answer in pieces of any size opens the connection and leaves the first frames", arguments: 1...30)
    func answers(size: Int) throws {
        let text = head(Handshake.answer(key: key, subprotocol: "chat")) + "frames"
        let (subprotocol, rest) = try #require(try answer(text, by: size, offered: ["chat"]))
        #expect(subprotocol == "chat")
        #expect(rest == Array("frames".utf8))
    }

    @Test("an answer cut at any byte opens nothing")
    func truncated() throws {
        let text = head(Handshake.answer(key: key))
        for length in 1..<text.utf8.count {
            #expect(try answer(String(decoding: Array(text.utf8)[..<length], as: UTF8.self), by: 1000) == nil)
        }
    }

    @Test("an answer that is none is refused with its reason")
    func rejections() {
        #expect(throws: Handshake.Rejection.status(403)) { try answer("HTTP/1.1 403 Forbidden\r\n\r\n", by: 99) }
        #expect(throws: Handshake.Rejection.notHTTP) { try answer("SSH-2.0-OpenSSH\r\n\r\n", by: 99) }
        #expect(throws: Handshake.Rejection.notHTTP) { try answer(String(repeating: "x", count: 20_000), by: 999) }
        #expect(throws: Handshake.Rejection.badAnswer) { try answer(head(Handshake.answer(key: "other")), by: 99) }
        #expect(throws: Handshake.Rejection.notOffered) {
            try answer(head(Handshake.answer(key: key, subprotocol: "chat")), by: 999)
        }
    }

    @Test("a request cannot be split by what is put into it")
    func injection() {
        let client = ClientHandshake(
            host: "h", target: "/a b\r\nX: y", fields: [("ok", "1"), ("evil", "1\r\nX: y")], key: key)
        let text = String(decoding: client.request, as: UTF8.self)
        #expect(text.hasPrefix("GET /a%20b%0D%0AX:%20y HTTP/1.1\r\n"))
        #expect(text.contains("ok: 1\r\n"))
        #expect(!text.contains("evil"))
    }
}
