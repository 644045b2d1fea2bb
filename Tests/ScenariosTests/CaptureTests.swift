import Foundation
import Observations
import Testing

@testable import Scenarios

@Suite("A browser's capture")
struct CaptureTests {
    /// What Chrome saves, shortened: a page, and two WebSockets.
    static let har = #"""
        {"log": {"version": "1.2", "pages": [], "entries": [
          {"startedDateTime": "2026-11-30T08:00:00.000Z",
           "request": {"url": "http://127.0.0.1:8000/", "headers": [{"name": "Cookie", "value": "sessionid=hunter2"}]},
           "response": {"content": {"text": "<p>\"_webSocketMessages\": [{}]</p>"}}},
          {"_resourceType": "websocket", "startedDateTime": "2026-11-30T09:00:01.500+01:00",
           "_webSocketMessages": [
             {"type": "send", "time": 1796025602.0, "opcode": 1, "data": "hello \u00e9\ud83d\ude00\n${client}"},
             {"type": "receive", "time": 1796025602.1, "opcode": 1, "data": "a secret answer"},
             {"type": "send", "time": 1796025602.25, "opcode": 2, "data": "AAEC"},
             {"type": "send", "time": 1796025602.5, "opcode": 9, "data": ""}],
           "request": {"method": "GET", "url": "ws://me:pass@127.0.0.1:8000/ws/chat/?room=5&token=abc&v=eyJhbGciOiJIUzI1NiJ9.x.y#top",
             "headers": [{"name": "Authorization", "value": "Bearer hunter2"},
                         {"name": "Sec-WebSocket-Protocol", "value": "chat, eyJhbGciOiJIUzI1NiJ9.e30.xyz"}]}},
          {"startedDateTime": "2026-11-30T08:00:03.500Z", "request": {"url": "wss://other/ws", "headers": []},
           "_webSocketMessages": []}
        ]}}
        """#

    private func read(_ text: String, pieces: Int = .max) throws -> Capture {
        var reader = HARReader()
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = pieces == .max ? bytes.count : min(bytes.count, start + pieces)
            try bytes[start..<end].withUnsafeBytes { try reader.read($0) }
            start = end
        }
        return try reader.finish()
    }

    @Test("gives the WebSockets with their times, and no secret of whoever made it")
    func whole() throws {
        let capture = try read(Self.har)
        #expect(capture.host == "127.0.0.1:8000" && capture.connections.count == 2)
        let chat = capture.connections[0]
        #expect(chat.target == "/ws/chat/?room=5&token=redacted&v=redacted")
        #expect(chat.subprotocols == ["chat", "redacted"] && capture.redacted == 3)
        #expect(chat.sent.map(\.offset) == [.milliseconds(500), .milliseconds(750)])
        #expect(chat.sent[0].content == .text("hello é😀\n${client}") && chat.sent[1].content == .bytes([0, 1, 2]))
        #expect(chat.received == 1 && chat.length == .milliseconds(750))
        #expect(capture.connections[1].offset == .seconds(2))
        #expect(!"\(capture)".contains("hunter2") && !"\(capture)".contains("secret answer"))
    }

    @Test("is the same in whatever pieces it is read", arguments: [1, 2, 3, 7, 64])
    func pieces(_ size: Int) throws { #expect(try read(Self.har, pieces: size) == read(Self.har)) }

    @Test("becomes clients that come and send at their times, N times as fast, or without a pause")
    func scenario() throws {
        let capture = try read(Self.har)
        func waits(_ speed: Scenario.Speed) throws -> [Nanoseconds] {
            let scenario = try Scenario(capture, speed: speed)
            return try #require(scenario.clients["1 /ws/chat/"]).compactMap { step in
                if case .idle(let span) = step { span.from } else { nil }
            }
        }
        #expect(try waits(.times(1)) == [.milliseconds(500), .milliseconds(250)])
        #expect(try waits(.times(10)) == [.milliseconds(50), .milliseconds(25)])
        #expect(try waits(.asFastAsPossible).isEmpty)
        let many = try Scenario(capture, speed: .times(2), clients: 3)
        guard case .visits(let visits) = many.phases[0].load else {
            Issue.record("no visits")
            return
        }
        #expect(visits.map(\.offset) == Array(repeating: .zero, count: 3) + Array(repeating: .seconds(1), count: 3))
        var generator = SeededGenerator(seed: 1)
        guard case .send(.text(let text)) = many.clients["1 /ws/chat/"]?[2] else {
            Issue.record("no text")
            return
        }
        #expect(
            text.text(client: 1, sequence: 1, using: &generator).hasSuffix("${client}"), "what was sent is no template")
    }

    @Test("is written as a scenario that reads as the same one, whatever was sent")
    func written() throws {
        var capture = try read(Self.har)
        let odd = [
            "${client} $${seq} ${", "\"\\/ quotes\t", "line\r\n\u{85}\u{2028} ends", "\u{0}\u{7F}\u{FEFF}\u{FFFF}",
            "# - : {a: *b} 日本 😀", "", "~", "  ",
        ]
        capture.connections[1].target = "/ws?x=${random.hex(8)}&y=%20"
        capture.connections[1].sent = odd.enumerated().map { index, text in
            Capture.Message(offset: Nanoseconds(Int64(index) * 1_234_567), isSent: true, content: .text(text))
        }
        for (speed, count) in [(Scenario.Speed.times(1), 1), (.times(3), 7), (.asFastAsPossible, 2)] {
            let yaml = try Scenario.yaml(capture, speed: speed, clients: count, seed: 9)
            #expect(try Scenario(yaml: yaml) == Scenario(capture, speed: speed, clients: count, seed: 9))
        }
    }

    @Test("that is too large for a scenario's file says so")
    func tooLarge() throws {
        var capture = try read(Self.har)
        capture.connections[0].sent = [
            Capture.Message(offset: .zero, isSent: true, content: .text(String(repeating: "x", count: 100_000)))
        ]
        let error = #expect(throws: CaptureError.self) { try Scenario.yaml(capture) }
        #expect(error?.remedy?.contains("replay the HAR file itself") == true)
    }

    @Test("cut anywhere says so, and damaged anywhere never traps")
    func damaged() {
        let bytes = Array(Self.har.utf8)
        for end in 0..<(bytes.count - 2) {
            #expect(throws: CaptureError.self) { try read(String(decoding: bytes[..<end], as: UTF8.self)) }
        }
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var copy = bytes
            for _ in 0..<4 {
                copy[Int.random(in: 0..<copy.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            var reader = HARReader()
            do {
                try copy.withUnsafeBytes { try reader.read($0) }
                _ = try reader.finish()
            } catch {}
        }
    }

    static let refusals: [(text: String, says: String)] = [
        ("<html>", "no HAR file"), ("{\"log\": {\"entries\": []}}", "no WebSocket messages"),
        (String(repeating: "[", count: 1000), "nested more than"), ("", "ends in the middle"),
        ("{\"log\": [1,]}", "cannot stand here"), ("{\"a\": \"\\x\"}", "no escape"),
    ]

    @Test("that is none says what is wrong", arguments: refusals)
    func refused(_ one: (text: String, says: String)) {
        let error = #expect(throws: CaptureError.self) { try read(one.text) }
        #expect(error?.what.contains(one.says) == true, "\(String(describing: error))")
    }

    @Test("keeps at most 64 MiB of what is to be sent, whatever the size of the file")
    func bounded() throws {
        let piece = String(repeating: "x", count: 1 << 20)
        var reader = HARReader()
        func feed(_ text: String) throws {
            var text = text
            try text.withUTF8 { try reader.read(UnsafeRawBufferPointer($0)) }
        }
        try feed(#"{"log": {"entries": [{"_webSocketMessages": ["#)
        let error = #expect(throws: CaptureError.self) {
            for _ in 0..<70 {
                try feed(#"{"type": "send", "time": 1, "opcode": 1, "data": ""#)
                try feed(piece)
                try feed(#""},"#)
            }
        }
        #expect(error?.what.contains("more than 64 MiB") == true)
    }

    @Test(
        "takes a secret out of an address by its name or by its looks, and nothing else",
        arguments: [
            ("ws://h/a?room=12&access_token=x", "/a?room=12&access_token=redacted"),
            ("ws://h/a?Sec_Key=%20", "/a?Sec_Key=redacted"), ("ws://h?q=plain", "/?q=plain"),
            ("wss://h/eyJhbGciOiJIUzI1NiJ9.e30.abc/x", "/redacted/x"),
            ("ws://h/a?3f786850e387550fdab836ed7e6dc881de23001b", "/a?redacted"),
            ("ws://h/a?since=2026-11-30", "/a?since=2026-11-30"),
        ])
    func redaction(_ url: String, _ target: String) {
        var redaction = Redaction()
        #expect(redaction.target(of: url)?.target == target)
    }
}
