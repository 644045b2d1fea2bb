@preconcurrency import Glibc
import NIOCore
import Observations
import Synchronization

/// One client of the listener: greets it, then sends it what a probe sees.
///
/// On the listener's thread only, but for `record` and `end`; `@unchecked Sendable`: what those touch is behind `queue`.
final class ObservedClient: ChannelInboundHandler, ObservationSink, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// How long a client may take to say hello.
    private static let helloDeadline = TimeAmount.seconds(5)
    /// Most observations that wait for a client that reads slowly.
    private static let queueLimit = 100_000
    /// Observations encoded at a time: then the socket is asked whether it takes more.
    private static let batch = 256

    private struct Queue {
        var waiting: [Observation] = []
        var dropped = 0
        var isDraining = false
    }

    private let channel: any Channel
    private let description: String
    private let clients: ClientList
    private let makeProbe: @Sendable () -> any Probe
    private let queue = Mutex(Queue())
    private var lines = LineCutter(limit: Wire.greetingLimit)
    private var probing: Task<Void, Never>?
    private var hello: Scheduled<Void>?
    private var isClosed = false

    init(
        channel: any Channel, description: String, clients: ClientList, makeProbe: @escaping @Sendable () -> any Probe
    ) {
        self.channel = channel
        self.description = description
        self.clients = clients
        self.makeProbe = makeProbe
    }

    // MARK: Greeting

    func channelActive(context: ChannelHandlerContext) {
        let options = channel as? any SocketOptionProvider
        let peer: EventLoopFuture<PeerCredentials>? = options?.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        guard let peer else { return context.close(promise: nil) }
        hello = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.helloDeadline) { context.close(promise: nil) }
        peer.assumeIsolated().whenComplete { result in
            // Without credentials nobody is let in; the folder's mode has kept others out already.
            if (try? result.get())?.mayObserve != true { context.close(promise: nil) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        do throws(LineCutter.TooLong) {
            try lines.take(bytes.readableBytesView) { line in
                if probing == nil, !isClosed { greet(Wire.value(Wire.Hello.self, of: line), context) }
            }
        } catch {
            refuse("a line longer than \(Wire.greetingLimit) bytes", context)
        }
    }

    private func greet(_ greeting: Wire.Hello?, _ context: ChannelHandlerContext) {
        guard let greeting else { return refuse("this is not a loopscope", context) }
        guard greeting.hello.version == Wire.version else {
            return refuse("this process speaks version \(Wire.version) of the protocol", context)
        }
        guard clients.insert(self) else {
            return refuse("\(ObservationListener.clientLimit) others observe already", context)
        }
        hello?.cancel()
        write(Wire.Answer(welcome: .init(version: Wire.version, description: description)))
        let probe = makeProbe()
        probing = Task { [self] in
            guard var end = try? await probe.observe(into: self) else { return }
            end.reason = .targetExited
            end.detail = "it is shutting down"
            record([.end(end)])
        }
    }

    private func refuse(_ why: String, _ context: ChannelHandlerContext) {
        isClosed = true
        write(Wire.Answer(refused: .init(why: why)))
        context.close(promise: nil)
    }

    private func write(_ answer: Wire.Answer) {
        guard let line = Wire.line(answer) else { return }
        channel.writeAndFlush(ByteBuffer(bytes: line), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        hello?.cancel()
        probing?.cancel()
        clients.remove(self)
        queue.withLock { $0 = Queue() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Observations

    /// Takes observations, from any thread; those that a slow client has no room for are counted.
    func record(_ observations: [Observation]) {
        let mustDrain = queue.withLock { queue in
            let room = Self.queueLimit - queue.waiting.count
            queue.waiting += observations.prefix(room)
            queue.dropped += max(0, observations.count - room)
            defer { queue.isDraining = true }
            return !queue.isDraining
        }
        if mustDrain { channel.eventLoop.execute { self.drain() } }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { drain() }
        context.fireChannelWritabilityChanged()
    }

    private func drain() {
        while !isClosed, channel.isWritable {
            let observations = queue.withLock { queue -> [Observation] in
                let batch = Array(queue.waiting.prefix(Self.batch))
                queue.waiting.removeFirst(batch.count)
                if batch.isEmpty { queue.isDraining = false }
                if batch.count < Self.batch, queue.dropped > 0, let time = batch.last?.time {
                    let text = "\(queue.dropped) observations were lost: this client reads too slowly"
                    queue.dropped = 0
                    return batch + [.note(ProbeNote(time: time, text: text))]
                }
                return batch
            }
            guard !observations.isEmpty else { return }
            var buffer = channel.allocator.buffer(capacity: observations.count * 256)
            for observation in observations {
                if let line = Wire.line(observation) { buffer.writeBytes(line) }
            }
            channel.writeAndFlush(buffer, promise: nil)
        }
    }

    /// Ends the probe, sends what it still has to say, and closes. From any thread.
    func end() async {
        let probing = try? await channel.eventLoop.submit { [self] in
            self.probing?.cancel()
            return self.probing
        }.get()
        await probing?.value
        try? await channel.eventLoop.submit { self.drain() }.get()
        try? await channel.close()
    }
}
