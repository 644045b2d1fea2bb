import Glibc
import Logging
import NIOCore
import NIOPosix
import ServerLedger
import ServiceLifecycle
import UnixSignals

/// Any SwiftNIO server: this one echoes bytes. The three lines with `ledger` are all that loopscope needs.
@main struct EchoServer: Service {
    let group = MultiThreadedEventLoopGroup.singleton
    let ledger = LedgerService(group: MultiThreadedEventLoopGroup.singleton, description: "an echo server")

    func run() async throws {
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { [ledger] channel in
                channel.pipeline.addHandlers([ledger.handler("echo"), EchoHandler()])
            }
            .bind(host: "127.0.0.1", port: 0).get()
        print("ready \(listener.localAddress?.port ?? 0)")
        fflush(nil)
        try? await gracefulShutdown()
        try await listener.close()
    }

    static func main() async throws {
        let server = EchoServer()
        let services = ServiceGroup(
            services: [server, server.ledger], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "echo"))
        try await services.run()
    }
}

/// Sends back what it reads.
final class EchoHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
}
