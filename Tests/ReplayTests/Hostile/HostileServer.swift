@preconcurrency import Glibc
import NIOCore
import NIOPosix
import WebSocket

/// A server that answers a client's request with bytes of a script, right or wrong, and keeps what the client then says.
final class HostileServer: Sendable {
    /// What it does once it has said its bytes.
    enum Ending: Hashable, Sendable {
        /// Leaves the connection to the client.
        case waits
        /// Leaves it to the client, and closes it after the client's close frame, as it should.
        case answers
        /// Closes it (FIN).
        case finishes
        /// Resets it (RST).
        case resets
    }

    private let channel: any Channel
    private let loops: MultiThreadedEventLoopGroup
    let port: Int
    /// The frames of each client, in the order in which the clients ended.
    let heard: AsyncStream<[WebSocketEvent]>

    /// Listens on a free port of loopback.
    init(_ script: @escaping @Sendable (_ key: String) -> (bytes: [UInt8], ending: Ending)) async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (heard, mouth) = AsyncStream.makeStream(of: [WebSocketEvent].self)
        let channel = try await ServerBootstrap(group: loops)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HostileHandler(script, mouth))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        (self.loops, self.channel, self.heard) = (loops, channel, heard)
        port = channel.localAddress?.port ?? 0
    }

    /// Stops listening and drops its clients.
    func stop() async {
        try? await channel.close()
        try? await loops.shutdownGracefully()
    }

    /// Runs `body` with a server that does the same to every client.
    static func with<Value: Sendable>(
        _ script: @escaping @Sendable (_ key: String) -> (bytes: [UInt8], ending: Ending),
        _ body: @Sendable (HostileServer) async throws -> Value
    ) async throws -> Value {
        let server = try await HostileServer(script)
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }
}

/// On its loop's thread only.
private final class HostileHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: (String) -> (bytes: [UInt8], ending: HostileServer.Ending)
    private let mouth: AsyncStream<[WebSocketEvent]>.Continuation
    private var request: [UInt8]? = []
    private var reader = MessageReader(peer: .client)
    private var events: [WebSocketEvent] = []
    private var ending = HostileServer.Ending.waits

    init(
        _ script: @escaping (String) -> (bytes: [UInt8], ending: HostileServer.Ending),
        _ mouth: AsyncStream<[WebSocketEvent]>.Continuation
    ) { (self.script, self.mouth) = (script, mouth) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        guard let before = request else { return hear(bytes, context) }
        let text = String(decoding: before + bytes, as: UTF8.self)
        guard text.hasSuffix("\r\n\r\n") else { return request = before + bytes }
        request = nil
        let field = text.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
        let answer: [UInt8]
        (answer, ending) = script(String(field?.dropFirst(19) ?? ""))
        if ending == .resets {
            // Without lingering a close drops what is unread and resets.
            _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
        if ending == .finishes || ending == .resets { context.close(promise: nil) }
    }

    private func hear(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        bytes.withUnsafeBytes { reader.read($0) { events.append($0) } }
        guard ending == .answers, case .close = events.last else { return }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { mouth.yield(events) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
