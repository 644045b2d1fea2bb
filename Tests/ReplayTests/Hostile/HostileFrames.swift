import Testing
import WebSocket

/// What a server may say on an open connection, and what a client must make of it.
struct HostileFrames: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    /// What a client hears, without the end.
    var heard: [WebSocketEvent] = []
    /// What ends it; `nil` while more may come.
    var end: End?
    /// Whether permessage-deflate was agreed on.
    var deflate = false

    enum End: Hashable, Sendable {
        /// The server broke the protocol: the close code that the client fails the connection with.
        case failed(ProtocolViolation)
        /// The server closed, with this code and reason.
        case closed(CloseCode, String)
    }

    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], _ violation: ProtocolViolation, after heard: [WebSocketEvent] = []) {
        (self.name, self.bytes, self.heard, end) = (name, bytes, heard, .failed(violation))
    }

    init(
        _ name: String, _ bytes: [UInt8], closed code: CloseCode, _ reason: String = ""
    ) {
        (self.name, self.bytes, end) = (name, bytes, .closed(code, reason))
    }

    /// Nothing wrong, or nothing whole.
    init(_ name: String, _ bytes: [UInt8], hears heard: [WebSocketEvent]) {
        (self.name, self.bytes, self.heard) = (name, bytes, heard)
    }

    fileprivate func compressed() -> HostileFrames {
        var copy = self
        copy.deflate = true
        return copy
    }

    /// What the state machine must say.
    var events: [WebSocketEvent] {
        switch end {
        case .failed(let violation): heard + [.failure(violation)]
        case .closed(let code, let reason): heard + [.close(code, reason: reason)]
        case nil: heard
        }
    }

    /// The code of the close frame that the client must send; 1005 for an empty one.
    var answer: CloseCode? {
        switch end {
        case .failed(let violation): violation.closeCode
        case .closed(let code, _): code.mayTravel ? code : .normal
        case nil: nil
        }
    }
}

/// A frame of a server: first byte, payload; the length in its shortest form.
private func frame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
    switch payload.count {
    case ..<126: [first, UInt8(payload.count)] + payload
    case ..<65_536: [first, 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
    default: [first, 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) } + payload
    }
}

private func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
    frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
}

private let hello = frame(0x81, Array("hello".utf8))

extension HostileFrames {
    static let all = bits + lengths + controls + fragments + texts + closes + compression

    private static let bits: [HostileFrames] =
        [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70].map { bits in
            HostileFrames("reserved bits \(bits >> 4) on text", frame(0x81 | bits, [0x61]), .reservedBits)
        }
        + [0x88, 0x89, 0x8A].map { HostileFrames("RSV1 on control frame \($0 & 15)", frame($0 | 0x40), .reservedBits) }
        + [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { HostileFrames("opcode \($0)", frame(0x80 | $0), .unknownOpcode) }
        + [0x81, 0x82, 0x88, 0x89, 0x8A].map { first in
            HostileFrames("a mask on opcode \(first & 15)", [first, 0x80, 1, 2, 3, 4], .wrongMasking)
        } + [
            HostileFrames("a masked continuation", [0x01, 0x01, 0x61, 0x80, 0x81, 0, 0, 0, 0, 0x61], .wrongMasking),
            HostileFrames(
                "a bad frame after a good one", hello + [0x83, 0x00], .unknownOpcode, after: [.text("hello")]),
            HostileFrames("HTTP instead of frames", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), .badControlFrame),
            HostileFrames("0xFF without end", [UInt8](repeating: 0xFF, count: 4096), .reservedBits),
        ]

    private static let lengths: [HostileFrames] = [
        HostileFrames("125 in two bytes", [0x82, 126, 0, 125], .badLength),
        HostileFrames("0 in two bytes", [0x82, 126, 0, 0], .badLength),
        HostileFrames("65 535 in eight bytes", [0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .badLength),
        HostileFrames("0 in eight bytes", [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0], .badLength),
        HostileFrames("the highest bit of a length", [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], .badLength),
        HostileFrames("all bits of a length", [0x82, 127] + [UInt8](repeating: 0xFF, count: 8), .badLength),
        HostileFrames("the largest length there is", [0x82, 127, 0x7F] + [UInt8](repeating: 0xFF, count: 7), .tooBig),
        HostileFrames("one byte too many", [0x82, 127, 0, 0, 0, 0, 4, 0, 0, 1], .tooBig),
        HostileFrames(
            "a message that grows too big", frame(0x02, [1, 2]) + [0x80, 127, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF], .tooBig),
        HostileFrames("a largest message that never comes", [0x82, 127, 0, 0, 0, 0, 4, 0, 0, 0], hears: []),
        HostileFrames("half a header", [0x81], hears: []),
        HostileFrames("a length cut in the middle", [0x81, 127, 0, 0, 0], hears: []),
        HostileFrames("a payload that never comes", [0x81, 5, 0x68], hears: []),
        HostileFrames("an empty text", [0x81, 0], hears: [.text("")]),
        HostileFrames("empty bytes", [0x82, 0], hears: [.binary([])]),
    ]

    private static let controls: [HostileFrames] =
        [0x88, 0x89, 0x8A].flatMap { (first: UInt8) in
            [
                HostileFrames(
                    "126 bytes in opcode \(first & 15)", frame(first, [UInt8](repeating: 0, count: 126)),
                    .badControlFrame),
                HostileFrames("a fragment of opcode \(first & 15)", frame(first & 0x7F), .badControlFrame),
                HostileFrames("eight bytes of length in opcode \(first & 15)", [first, 127], .badControlFrame),
            ]
        } + [
            HostileFrames("a pong nobody asked for", frame(0x8A, [1]), hears: [.pong([1])]),
            HostileFrames(
                "a ping of 125 bytes", frame(0x89, [UInt8](repeating: 7, count: 125)),
                hears: [.ping([UInt8](repeating: 7, count: 125))]),
            HostileFrames(
                "a thousand pings", Array(repeatElement(frame(0x89), count: 1000).joined()),
                hears: Array(repeatElement(.ping([]), count: 1000))),
        ]

    private static let fragments: [HostileFrames] = [
        HostileFrames("a continuation of nothing", frame(0x80, [1]), .continuationWithoutStart),
        HostileFrames("an unfinished continuation of nothing", frame(0x00), .continuationWithoutStart),
        HostileFrames(
            "a continuation after a whole message", hello + frame(0x80), .continuationWithoutStart,
            after: [.text("hello")]),
        HostileFrames("text inside a text", frame(0x01, [0x61]) + hello, .messageInsideMessage),
        HostileFrames("bytes inside a text", frame(0x01, [0x61]) + frame(0x82), .messageInsideMessage),
        HostileFrames("a second start", frame(0x02) + frame(0x02), .messageInsideMessage),
        HostileFrames(
            "a continuation after the end", frame(0x01) + frame(0x80) + frame(0x80), .continuationWithoutStart,
            after: [.text("")]),
        HostileFrames(
            "a ping between fragments", frame(0x01, [0x61]) + frame(0x89) + frame(0x80, [0x62]),
            hears: [.ping([]), .text("ab")]),
        HostileFrames("a close between fragments", frame(0x01, [0x61]) + close(1000), closed: .normal),
        HostileFrames(
            "a thousand empty fragments",
            frame(0x02) + Array(repeatElement(frame(0x00), count: 1000).joined()) + frame(0x80), hears: [.binary([])]),
        HostileFrames(
            "fragments for ever", frame(0x01) + Array(repeatElement(frame(0x00, [0x61]), count: 1000).joined()),
            hears: []),
    ]

    private static let texts: [HostileFrames] =
        [
            ("a lone continuation byte", [0x80]), ("0xFE", [0xFE]), ("0xFF", [0xFF]), ("an overlong /", [0xC0, 0xAF]),
            ("an overlong zero", [0xC0, 0x80]), ("an overlong € ", [0xF0, 0x82, 0x82, 0xAC]),
            ("a surrogate", [0xED, 0xA0, 0x80]),
            ("a code point above the last", [0xF4, 0x90, 0x80, 0x80]),
            ("a character cut at the end", [0x61, 0xE2, 0x82]),
            ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80]), ("Latin-1", [0x67, 0x72, 0xFC, 0xDF, 0x65]),
        ].map { HostileFrames("text with \($0.0)", frame(0x81, $0.1), .notUTF8) } + [
            HostileFrames("a character cut by the message's end", frame(0x01, [0xE2]) + frame(0x80, [0x82]), .notUTF8),
            HostileFrames("bad text in a first fragment", frame(0x01, [0xFF]), .notUTF8),
            HostileFrames(
                "a character over three fragments", frame(0x01, [0xE2]) + frame(0x00, [0x82]) + frame(0x80, [0xAC]),
                hears: [.text("€")]),
            HostileFrames(
                "bytes that are no text, as bytes", frame(0x82, [0xFF, 0xFE]), hears: [.binary([0xFF, 0xFE])]),
            HostileFrames("a zero in a text", frame(0x81, [0x61, 0, 0x62]), hears: [.text("a\u{0}b")]),
            HostileFrames("a byte order mark", frame(0x81, [0xEF, 0xBB, 0xBF]), hears: [.text("\u{FEFF}")]),
        ]

    private static let closes: [HostileFrames] =
        [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map {
            HostileFrames("close code \($0)", close($0), .badCloseFrame)
        }
        + [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map {
            HostileFrames("close code \($0)", close($0), closed: CloseCode(rawValue: $0))
        } + [
            HostileFrames("a close of one byte", frame(0x88, [0x03]), .badCloseFrame),
            HostileFrames("an empty close", frame(0x88), closed: .noStatus),
            HostileFrames("a close with a reason", close(1001, Array("€".utf8)), closed: .goingAway, "€"),
            HostileFrames("a close with a reason that is no text", close(1000, [0xFF]), .notUTF8),
            HostileFrames("a close with a reason cut in a character", close(1000, [0xE2, 0x82]), .notUTF8),
            HostileFrames(
                "a close with the longest reason", close(1000, [UInt8](repeating: 0x61, count: 123)), closed: .normal,
                String(repeating: "a", count: 123)),
            HostileFrames("a message after a close", close(1000) + hello, closed: .normal),
            HostileFrames("a second close", close(1001) + close(1011), closed: .goingAway),
            HostileFrames("garbage after a close", close(1000) + [0xFF, 0xFF, 0xFF], closed: .normal),
        ]

    private static let compression: [HostileFrames] = [
        // `hello` as RFC 7692 §7.2.3.1 has it, with the first letter small.
        HostileFrames(
            "a compressed message", frame(0xC1, [0xCA, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]), hears: [.text("hello")]
        ).compressed(),
        HostileFrames("a message left as it is", hello, hears: [.text("hello")]).compressed(),
        HostileFrames("what zlib cannot read", frame(0xC2, [0xFF, 0xFF, 0xFF, 0xFF]), .badCompression).compressed(),
        HostileFrames("RSV1 on a continuation", frame(0x41, [0xCA]) + frame(0xC0, [0x48]), .reservedBits).compressed(),
        HostileFrames("a compressed ping", frame(0xC9), .reservedBits).compressed(),
        HostileFrames("RSV2 beside compression", frame(0xE1), .reservedBits).compressed(),
    ]
}
