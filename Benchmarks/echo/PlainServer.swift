import Glibc
import NIOCore
import NIOPosix
import WebSocket

/// The baseline: the same frames, echoed in a channel handler, with nothing in between.
final class PlainServer {
    let port: Int
    /// The CPU clock of its loop's thread.
    let clock: clockid_t
    private let group: MultiThreadedEventLoopGroup

    init() async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        clock = try await group.next().submit { Arm.threadClock() }.get()
    }

    func stop() async { try? await group.shutdownGracefully() }
}

/// Echoes each message as it is read. Any first bytes are taken for the handshake: it serves one client only, ours.
private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var isOpen = false
    private var reader = MessageReader(peer: .client)
    private var writer = FrameWriter.server

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        guard isOpen else { return open(String(buffer: buffer), context) }
        buffer.withUnsafeReadableBytes { bytes in
            reader.read(bytes) { event in
                guard case .text(var text) = event else { return }
                text.withUTF8 { payload in
                    let size = writer.size(payload.count)
                    var out = context.channel.allocator.buffer(capacity: size)
                    out.writeWithUnsafeMutableBytes(minimumWritableBytes: size) {
                        writer.write(.text, UnsafeRawBufferPointer(payload), to: $0)
                    }
                    context.write(wrapOutboundOut(out), promise: nil)
                }
            }
        }
        context.flush()
    }

    private func open(_ request: String, _ context: ChannelHandlerContext) {
        let line = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
        let fields = Handshake.answer(key: String(line?.dropFirst("Sec-WebSocket-Key: ".count) ?? ""))
        let head =
            "HTTP/1.1 101 Switching Protocols\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n"
        isOpen = true
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head)), promise: nil)
    }
}
