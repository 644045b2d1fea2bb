@preconcurrency import Glibc
import NIOCore
import NIOPosix
public import Observations
import Synchronization

/// Offers the observations of this process on its private Unix socket, to `loopscope attach`.
///
/// It runs on a thread of its own, so that nobody who listens slowly holds up a loop. Each client is observed for by a probe
/// of its own, which begins when it comes and ends when it goes.
public final class ObservationListener: Sendable {
    /// Most clients at once.
    public static let clientLimit = 8

    /// Where it listens.
    public let place: SocketPlace
    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let clients: ClientList
    private let isStopped = Atomic<Bool>(false)

    private init(
        place: SocketPlace, group: MultiThreadedEventLoopGroup, listener: any Channel, clients: ClientList
    ) {
        self.place = place
        self.group = group
        self.listener = listener
        self.clients = clients
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - description: this process, for a person.
    ///   - place: where; `.own` is where `attach` looks.
    ///   - makeProbe: called for each client.
    /// - Throws: `SocketPlace.Untrusted`, `IOError`.
    public static func start(
        description: String, at place: SocketPlace = .own, makeProbe: @escaping @Sendable () -> any Probe
    ) async throws -> ObservationListener {
        try place.makeFolder()
        unlink(place.path)  // of a process that had our number and was killed
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let clients = ClientList()
        do {
            let listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 8)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let client = ObservedClient(
                            channel: channel, description: description, clients: clients, makeProbe: makeProbe)
                        try channel.pipeline.syncOperations.addHandler(client)
                    }
                }
                .bind(unixDomainSocketPath: place.path).get()
            guard chmod(place.path, 0o600) == 0 else { throw IOError(errnoCode: errno, reason: "chmod") }
            return ObservationListener(place: place, group: group, listener: listener, clients: clients)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// Tells every client that this process ends, and stops to listen.
    public func stop() async {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        try? await listener.close()
        unlink(place.path)
        await clients.endAll()
        try? await group.shutdownGracefully()
    }
}

/// The clients of a listener.
final class ClientList: Sendable {
    private let clients = Mutex<[ObjectIdentifier: ObservedClient]>([:])

    /// Takes one in; `false` when there are too many.
    func insert(_ client: ObservedClient) -> Bool {
        clients.withLock { clients in
            guard clients.count < ObservationListener.clientLimit else { return false }
            clients[ObjectIdentifier(client)] = client
            return true
        }
    }

    func remove(_ client: ObservedClient) { clients.withLock { $0[ObjectIdentifier(client)] = nil } }

    func endAll() async {
        for client in clients.withLock({ Array($0.values) }) { await client.end() }
    }
}
