public import Instruments
public import ConsumerRuntime
import NIOCore
import NIOHTTP1
import NIOPosix
import Observations

/// Serves an ASGI application over HTTP/1.1 and WebSockets on SwiftNIO event loops.
///
/// Consumers run on the loop of their connection. Any thread may start and stop it.
public final class RealtimeServer: Sendable {
    /// The port it listens on.
    public let port: Int
    /// What its process may have open, as far as it could be raised; `nil` when the kernel does not say.
    public let descriptors: DescriptorLimit?
    /// How it runs.
    public let configuration: ServerConfiguration
    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let hosts: [LoopHost]
    private let lifespan: Lifespan?

    private init(
        port: Int, descriptors: DescriptorLimit?, configuration: ServerConfiguration,
        group: MultiThreadedEventLoopGroup, listener: any Channel,
        hosts: [LoopHost], lifespan: Lifespan?
    ) {
        self.port = port
        self.descriptors = descriptors
        self.configuration = configuration
        self.group = group
        self.listener = listener
        self.hosts = hosts
        self.lifespan = lifespan
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - application: called once for each connection.
    ///   - instrument: counts what happens; `nil` for nobody.
    ///   - prepareThread: called once on the thread of each loop before it serves: where a watchdog enrolls it.
    /// - Throws: an `IOError` when the port cannot be had; `StartupFailed` when the application says so.
    public static func start(
        application: any ASGIApplication, configuration: ServerConfiguration = .init(), instrument: Instrument? = nil,
        prepareThread: @escaping @Sendable () -> Void = {}
    ) async throws -> RealtimeServer {
        let descriptors = DescriptorLimit.raise(for: configuration.connections)
        let ticks = instrument.map { _ in TickMeter() }
        let group =
            ticks.map { MultiThreadedEventLoopGroup(numberOfThreads: configuration.loops, metricsDelegate: $0) }
            ?? MultiThreadedEventLoopGroup(numberOfThreads: configuration.loops)
        do {
            var hosts: [LoopHost] = []
            for loop in group.makeIterator() {
                let meter = instrument?.makeLoop(loop)
                let host = LoopHost(
                    home: ConsumerLoop(loop, instrument: meter), application: application, configuration: configuration)
                let waker = LoopWaker(host.home)
                try await waker.start()
                try await loop.submit {
                    prepareThread()
                    if let meter {
                        ticks?.begin(meter)
                        meter.start()
                    }
                }.get()
                hosts.append(host)
            }
            let lifespan = try await Lifespan.start(application, on: hosts[0].home)
            let byLoop = Dictionary(uniqueKeysWithValues: hosts.map { (ObjectIdentifier($0.home.loop), $0) })
            let listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: false)
                // A channel keeps the buffer that it reads into: it begins with room for a request, and grows when filled.
                .childChannelOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let host = byLoop[ObjectIdentifier(channel.eventLoop)] else {
                            throw ChannelError.operationUnsupported
                        }
                        try host.accept(channel)
                    }
                }
                .bind(host: configuration.host, port: configuration.port).get()
            return RealtimeServer(
                port: listener.localAddress?.port ?? 0, descriptors: descriptors, configuration: configuration,
                group: group, listener: listener,
                hosts: hosts, lifespan: lifespan)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// Stops: no new connections, a close with 1012 for each open one, and after `deadline` a cancellation for each
    /// consumer that has not ended.
    ///
    /// - Returns: how many had to be cancelled.
    @discardableResult
    public func stop(deadline: Duration = .seconds(3)) async -> Int {
        try? await listener.close()
        for host in hosts { try? await host.home.loop.submit { host.closeAll() }.get() }
        let end = ContinuousClock.now + deadline
        while await alive() > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        var cancelled = 0
        for host in hosts { cancelled += (try? await host.home.loop.submit { host.cancelAll() }.get()) ?? 0 }
        // A consumer that ignores its cancellation cannot be waited for: it ends with its loop.
        let grace = ContinuousClock.now + .seconds(1)
        while await alive() > 0, ContinuousClock.now < grace { try? await Task.sleep(for: .milliseconds(5)) }
        _ = await lifespan?.stop(deadline: max(deadline, .seconds(1)))
        for host in hosts { try? await host.home.loop.submit { host.home.instrument?.stop() }.get() }
        try? await group.shutdownGracefully()
        return cancelled
    }

    /// Connections that are open or whose application has not ended.
    private func alive() async -> Int {
        var count = 0
        for host in hosts { count += (try? await host.home.loop.submit { host.alive }.get()) ?? 0 }
        return count
    }
}
