import Clocks
import DequeModule
import NIOCore
import NIOPosix
import Observations
import Policy
import WebSocket

/// A client that says what it is told to and hears everything with its time: for finding out what a server does.
/// Unlike `WebSocketClient` it answers nothing unless it is asked to.
final class WireClient: Sendable {
    /// What came.
    enum Event: Sendable {
        /// The head of the answer to a request.
        case answer(AnswerHead)
        /// An answer that is not HTTP.
        case notHTTP
        /// A message, or a frame that is no part of one.
        case frame(WebSocketEvent)
        /// The socket is gone: `finished` or `reset`.
        case ended(PolicyEnd)
    }

    /// What is answered without being told to.
    struct Manners: OptionSet, Sendable {
        let rawValue: Int
        /// Pings.
        static let pongs = Manners(rawValue: 1)
        /// Close frames.
        static let closes = Manners(rawValue: 2)
    }

    let channel: any Channel
    private let handler: NIOLoopBound<WireHandler>

    private init(_ channel: any Channel, _ handler: NIOLoopBound<WireHandler>) {
        (self.channel, self.handler) = (channel, handler)
    }

    /// Connects, and says nothing.
    ///
    /// - Throws: `ClientError.unreachable`.
    static func connect(
        to endpoint: Endpoint, _ manners: Manners = [.pongs, .closes], within limit: Nanoseconds = .seconds(10),
        group: ClientGroup
    ) async throws -> WireClient {
        do {
            let (channel, handler) = try await ClientBootstrap(group: group.eventLoops.next())
                .connectTimeout(.nanoseconds(limit.count))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .connect(host: endpoint.host, port: endpoint.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = WireHandler(channel.eventLoop, manners)
                        try channel.pipeline.syncOperations.addHandler(handler)
                        return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                    }
                }
            return WireClient(channel, handler)
        } catch {
            throw ClientError(connecting: error)
        }
    }

    /// Sends bytes. That they could not be sent is told by the end that follows.
    func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    /// Sends a frame, masked.
    func send(_ opcode: Opcode, _ payload: [UInt8] = [], isFinal: Bool = true) {
        var writer = FrameWriter.client()
        send(writer.frame(opcode, payload, isFinal: isFinal))
    }

    /// What comes next, and when it came; `nil` when nothing has by then.
    func next(by deadline: Moment) async -> (event: Event, time: Moment)? {
        let handler = self.handler
        return try? await channel.eventLoop.flatSubmit { handler.value.next(by: deadline) }.get()
    }

    /// Drops the connection (RST).
    func abort() async { await channel.abort() }
}

/// On its loop's thread only.
private final class WireHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Arrival = (event: WireClient.Event, time: Moment)

    private let loop: any EventLoop
    private let manners: WireClient.Manners
    private var answer: AnswerReader? = AnswerReader()
    private var reader = MessageReader(peer: .server, limit: 64 << 20)
    private var writer = FrameWriter.client()
    private var wasReset = false
    private var arrived: Deque<Arrival> = []
    private var waiting: (promise: EventLoopPromise<Arrival?>, timer: Scheduled<Void>)?
    /// Events kept for a caller that does not ask: a server that floods is not heard out.
    private static let limit = 4096

    init(_ loop: any EventLoop, _ manners: WireClient.Manners) { (self.loop, self.manners) = (loop, manners) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { read($0, context) }
    }

    private func read(_ bytes: UnsafeRawBufferPointer, _ context: ChannelHandlerContext) {
        guard answer != nil else { return readFrames(bytes, context) }
        let read = Result { () throws(Handshake.Rejection) in try answer?.read(bytes) }
        switch read {
        case .failure:
            put(.notHTTP)
            context.close(promise: nil)
        case .success(let (head, rest)?):
            answer = nil
            put(.answer(head))
            if head.status == 101 { rest.withUnsafeBytes { readFrames($0, context) } }
        case .success(nil): break
        }
    }

    private func readFrames(_ bytes: UnsafeRawBufferPointer, _ context: ChannelHandlerContext) {
        // Nothing is written while `reader` is at work: see `ClientHandler.read`.
        var events: [WebSocketEvent] = []
        reader.read(bytes) { events.append($0) }
        for event in events {
            put(.frame(event))
            switch event {
            case .ping(let payload): if manners.contains(.pongs) { write(.pong, payload, context) }
            case .close(let code, _):
                if manners.contains(.closes) { write(.close, FrameWriter.closePayload(code), context) }
            default: break
            }
        }
    }

    private func write(_ opcode: Opcode, _ payload: [UInt8], _ context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: writer.frame(opcode, payload))), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        wasReset = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { put(.ended(wasReset ? .reset : .finished)) }

    private func put(_ event: WireClient.Event) {
        let arrival = (event, Moment.now())
        if let (promise, timer) = waiting {
            waiting = nil
            timer.cancel()
            return promise.succeed(arrival)
        }
        if arrived.count >= Self.limit { arrived.removeFirst() }
        arrived.append(arrival)
    }

    func next(by deadline: Moment) -> EventLoopFuture<Arrival?> {
        if let first = arrived.popFirst() { return loop.makeSucceededFuture(first) }
        let promise = loop.makePromise(of: Arrival?.self)
        let timer = loop.assumeIsolated().scheduleTask(
            deadline: .uptimeNanoseconds(UInt64(clamping: deadline.nanoseconds))
        ) { [self] in
            waiting = nil
            promise.succeed(nil)
        }
        waiting = (promise, timer)
        return promise.futureResult
    }
}
