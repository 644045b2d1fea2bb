import HTTPFuzzing
import Testing

@Suite("Clients that send anything") struct HostileClientTests {
    /// Conversations that are right, to be made wrong.
    private static let seeds: [[UInt8]] = [
        Array("GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8),
        Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n".utf8),
        Array("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n".utf8),
        Array(
            ("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8) + frames,
        frames,
    ]

    /// Text, a fragmented binary message with a ping in between, and a close, all masked with zeros.
    private static let frames: [UInt8] =
        [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69] + [0x02, 0x81, 0, 0, 0, 0, 1] + [0x89, 0x80, 0, 0, 0, 0]
        + [0x80, 0x81, 0, 0, 0, 0, 2] + [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]

    @Test("every conversation, cut off at every byte, leaves a ledger that balances", arguments: 0..<5)
    func truncated(seed: Int) {
        let bytes = Self.seeds[seed]
        for length in 0...bytes.count {
            for first in [0, 1, 6, 7] as [UInt8] {
                let problem = sendAnything([first] + bytes.prefix(length))
                #expect(problem == nil, "\(length) bytes, \(first)")
            }
        }
    }

    @Test("every conversation, with bytes changed at random, leaves a ledger that balances", arguments: 0..<5)
    func mutated(seed: Int) {
        var random = Seeded(state: UInt64(seed) &+ 1)
        for turn in 0..<400 {
            var bytes = Self.seeds[seed]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
                default: bytes.insert(contentsOf: bytes[place...], at: place)
                }
                if bytes.isEmpty { bytes = [0] }
            }
            let problem = sendAnything([UInt8.random(in: .min ... .max, using: &random)] + bytes)
            #expect(problem == nil, "turn \(turn): \(bytes)")
        }
    }
}

/// A random sequence that is the same in every run: SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
