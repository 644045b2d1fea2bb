import NIOCore
import NIOPosix
public import Observations

/// A proxy between clients and server that does what load balancers do to WebSockets: it cuts connections that were silent for too long, or
/// all at once. Neither side gets a close frame.
public final class CuttingProxy: Sendable {
    private let listener: any Channel
    private let open: NIOLoopBound<OpenPairs>

    private init(_ listener: any Channel, _ open: NIOLoopBound<OpenPairs>) {
        (self.listener, self.open) = (listener, open)
    }

    /// Starts one on a free port of 127.0.0.1, in front of `endpoint`.
    ///
    /// - Parameter idle: how long a connection may be silent, both ways; `nil` for ever.
    /// - Throws: `ClientError` when it cannot listen.
    public static func start(
        before endpoint: Endpoint, idle: Nanoseconds?, group: ClientGroup
    ) async throws -> CuttingProxy {
        let loop = group.eventLoops.next()
        do {
            let open = try await loop.submit { NIOLoopBound(OpenPairs(), eventLoop: loop) }.get()
            let listener = try await ServerBootstrap(group: loop)
                .serverChannelOption(.backlog, value: 4096)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelInitializer { client in
                    client.eventLoop.makeCompletedFuture {
                        if let idle {
                            try client.pipeline.syncOperations.addHandlers(
                                IdleStateHandler(allTimeout: .nanoseconds(idle.count)), IdleHandler())
                        }
                        // One loop for all: both ends of a pair, and the list of pairs, are its own.
                        try client.pipeline.syncOperations.addHandler(FrontHandler(endpoint, open.value))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            return CuttingProxy(listener, open)
        } catch {
            throw ClientError(connecting: error)
        }
    }

    /// Where it listens, with the prefix of what stands behind it.
    public func endpoint(before target: Endpoint) -> Endpoint {
        Endpoint(port: listener.localAddress?.port ?? 0, prefix: target.prefix)
    }

    /// Cuts every connection, as a load balancer does that is restarted.
    public func cutAll() async {
        let open = self.open
        try? await listener.eventLoop.submit {
            for client in open.value.clients.values { client.close(promise: nil) }
        }.get()
    }

    /// Ends it and its connections.
    public func stop() async {
        try? await listener.close()
        await cutAll()
    }
}

/// The connections that are open, by their clients' ends. On the proxy's loop only.
private final class OpenPairs {
    var clients: [ObjectIdentifier: any Channel] = [:]
}

/// A client's end: connects to the server as soon as it is there, and reads nothing before. On the proxy's loop only.
private final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let endpoint: Endpoint
    private let open: OpenPairs
    private let relay = RelayHandler()

    init(_ endpoint: Endpoint, _ open: OpenPairs) { (self.endpoint, self.open) = (endpoint, open) }

    func channelActive(context: ChannelHandlerContext) {
        let client = context.channel
        open.clients[ObjectIdentifier(client)] = client
        let server = ClientBootstrap(group: context.eventLoop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: endpoint.host, port: endpoint.port)
        server.assumeIsolated().whenComplete { [self] result in
            guard case .success(let server) = result, client.isActive else {
                if case .success(let server) = result { server.close(promise: nil) }
                client.close(promise: nil)
                return
            }
            let back = RelayHandler()
            (relay.partner, back.partner) = (server, client)
            do { try server.pipeline.syncOperations.addHandler(back) } catch { client.close(promise: nil) }
            for channel in [client, server] { channel.setOption(.autoRead, value: true).whenFailure { _ in } }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { relay.channelRead(context: context, data: data) }

    func channelWritabilityChanged(context: ChannelHandlerContext) { relay.channelWritabilityChanged(context: context) }

    func channelInactive(context: ChannelHandlerContext) {
        open.clients[ObjectIdentifier(context.channel)] = nil
        relay.channelInactive(context: context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Hands what one end says to the other. On the proxy's loop only.
private final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var partner: (any Channel)?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    /// An end that cannot take more is not read for: it pushes back as it would without a proxy.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        partner?.setOption(.autoRead, value: context.channel.isWritable).whenComplete { _ in }
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.close(promise: nil)
        partner = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Cuts what was silent for too long.
private final class IdleHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
        context.close(promise: nil)
    }
}
