import HTTPFuzzing
import RealtimeServer
import Replay
import Testing
import WebSocket

@Suite("Clients that send anything") struct HostileClientTests {
    @Test("every conversation, cut off at every byte, leaves a ledger that balances", arguments: conversations.indices)
    func truncated(seed: Int) {
        let bytes = conversations[seed]
        for length in 0...bytes.count {
            for first in [0, 1, 6, 7] as [UInt8] {
                let problem = sendAnything([first] + bytes.prefix(length))
                #expect(problem == nil, "\(length) bytes, \(first)")
            }
        }
    }

    @Test(
        "every conversation, with bytes changed at random, leaves a ledger that balances",
        arguments: conversations.indices)
    func mutated(seed: Int) {
        var random = Seeded(state: UInt64(seed) &+ 1)
        for turn in 0..<400 {
            var bytes = conversations[seed]
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

@Suite("Clients that are gone before they are answered") struct GoneClientTests {
    @Test("an answer that cannot be sent any more, with bytes still unread, ends the connection and not the server")
    func closeThenReset() async throws {
        try await withServer { harness in
            var writer = FrameWriter.client(seed: 1)
            let last = [
                writer.frame(.close, FrameWriter.closePayload(.normal)), [0xFF, 0xFF], writer.frame(.ping, []),
            ]
            for turn in 0..<6 {
                let socket = try RawSocket(port: harness.server.port)
                socket.resetAtEnd()
                socket.write(
                    Array(
                        ("GET /ws/echo/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
                _ = await socket.read()
                socket.write(last[turn % 3] + [UInt8](repeating: 0, count: 100_000))
            }
            let next = try await harness.connect("/ws/echo/")
            #expect(await next.close() == 1000)
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
