import ConsumerRuntime
import Instruments
import NIOCore
import NIOEmbedded
import Observations
import RealtimeServer
import Synchronization

/// Echoes whatever it is asked, both ways.
private final class Echo: WebSocketConsumer {
    override func receive(text: String) async throws { try await send(text: text) }
    override func receive(bytes: [UInt8]) async throws { try await send(bytes: bytes) }
    override func dispatch(_ message: Message) async throws {
        guard case .httpRequest(let body, let more) = message else { return try await super.dispatch(message) }
        guard !more else { return }
        try await send(.httpResponseStart(status: 200))
        try await send(.httpResponseBody(body))
        throw StopConsumer()
    }
}

/// Counts the steps of connections.
private final class Steps: ObservationSink {
    let counts = Mutex<[ConnectionEvent.Step: Int]>([:])
    func record(_ observations: [Observation]) {
        for case .connection(let event) in observations { counts.withLock { $0[event.step, default: 0] += 1 } }
    }
}

/// Sends any bytes over a connection without a socket, before a handshake or after one, and goes.
///
/// The first byte says which, and how the others are cut. The server must not trap, and its ledger must balance.
///
/// - Returns: what does not balance; `nil` when all is well.
public func sendAnything(_ bytes: [UInt8]) -> String? {
    guard let first = bytes.first else { return nil }
    let loop = EmbeddedEventLoop()
    let instrument = Instrument()
    let meter = instrument.makeLoop(loop)
    meter.start()
    let host = EmbeddedHost(loop: loop, application: Echo.application(), instrument: meter)
    let channel = EmbeddedChannel(loop: loop)
    do {
        try host.accept(channel)
        try channel.connect(to: .init(unixDomainSocketPath: "/fuzz")).wait()
        if first & 1 == 1 { try channel.writeInbound(ByteBuffer(string: handshake)) }
        var rest = bytes.dropFirst()
        while !rest.isEmpty, channel.isActive {
            try channel.writeInbound(ByteBuffer(bytes: rest.prefix(Int(first >> 1) + 1)))
            loop.run()
            rest = rest.dropFirst(Int(first >> 1) + 1)
        }
    } catch {
        // What the pipeline throws at a client that breaks the protocol is its answer.
    }
    channel.close(promise: nil)
    // The consumer is told, and stops: it takes a few turns of the loop, and none of the deadlines.
    for _ in 0..<10 { loop.advanceTime(by: .milliseconds(1)) }
    let steps = Steps()
    _ = instrument.attach(steps)
    loop.run()
    meter.stop()
    let seen = steps.counts.withLock { $0 }
    _ = try? loop.syncShutdownGracefully()
    guard seen[.opened] == seen[.closed], seen[.started] == seen[.ended] else { return "\(seen)" }
    return nil
}

private let handshake = [
    "GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions: permessage-deflate", "", "",
].joined(separator: "\r\n")

/// Conversations that are right, to be made wrong.
public let conversations: [[UInt8]] = [
    Array("GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8),
    Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n".utf8),
    Array("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n".utf8),
    Array(handshake.utf8) + maskedFrames,
    maskedFrames,
]

/// Text, a fragmented binary message with a ping in between, and a close, all masked with zeros.
public let maskedFrames: [UInt8] =
    [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69] + [0x02, 0x81, 0, 0, 0, 0, 1] + [0x89, 0x80, 0, 0, 0, 0]
    + [0x80, 0x81, 0, 0, 0, 0, 2] + [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]
