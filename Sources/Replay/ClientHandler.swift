import DequeModule
import NIOCore
import Observations
import WebSocket

/// The client's side of one connection. On its loop's thread only.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var handshake: ClientHandshake?
    private var opened: EventLoopPromise<Handshake.Chosen>?
    private let group: ClientGroup
    private var reader = MessageReader(peer: .server, limit: ClientHandler.messageLimit)
    private var deflater: ZlibDeflater?
    private var writer = FrameWriter.client()
    private var context: ChannelHandlerContext?
    private var inbox: Deque<ClientArrival> = []
    private var waiters: [(id: Int, promise: EventLoopPromise<ClientArrival>)] = []
    /// Whether what arrives is dropped: a client that idles keeps nothing.
    var isDropping = false { didSet { if isDropping { inbox = [] } } }
    private var nextWaiter = 0
    private var hasSentClose = false
    private var closeCode: (code: Int, reason: String)?
    private var isGone = false
    private var hasStopped = false

    private let loop: any EventLoop
    /// How long a server may take to close the connection after a close frame of either side.
    private let closeTimeout: TimeAmount

    /// Largest message of a server, in bytes.
    private static let messageLimit = 64 << 20

    init(
        handshake: ClientHandshake, opened: EventLoopPromise<Handshake.Chosen>, group: ClientGroup,
        closeTimeout: TimeAmount
    ) {
        loop = opened.futureResult.eventLoop
        self.closeTimeout = closeTimeout
        self.group = group
        self.handshake = handshake
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        guard let handshake else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: handshake.request)), promise: nil)
    }

    func timeOut() {
        guard let opened else { return }
        self.opened = nil
        opened.fail(ClientError.timedOut)
        context?.close(promise: nil)
    }

    // MARK: From the server

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in
            handshake == nil ? read(bytes) : readAnswer(bytes)
        }
    }

    private func readAnswer(_ bytes: UnsafeRawBufferPointer) {
        do {
            guard let (chosen, rest) = try handshake?.read(bytes) else { return }
            handshake = nil
            if let agreement = chosen.deflate {
                reader = MessageReader(peer: .server, limit: Self.messageLimit, inflater: group.codecs.inflater)
                deflater = group.codecs.deflater(agreement)
            }
            let opened = self.opened
            self.opened = nil
            opened?.succeed(chosen)
            rest.withUnsafeBytes { read($0) }
        } catch {
            let opened = self.opened
            self.opened = nil
            opened?.fail(ClientError.rejected(error))
            context?.close(promise: nil)
        }
    }

    private func read(_ bytes: UnsafeRawBufferPointer) {
        // A write that fails has NIO read what is left of the connection at once, which comes back here: nothing is
        // written while `reader` is at work.
        var replies: [WebSocketEvent] = []
        reader.read(bytes) { event in
            switch event {
            case .text(let text): put(.text(text))
            case .binary(let bytes): put(.bytes(bytes))
            case .pong(let payload): put(.pong(payload))
            default: replies.append(event)
            }
        }
        for event in replies { reply(to: event) }
    }

    private func reply(to event: WebSocketEvent) {
        switch event {
        case .ping(let payload):
            // A server that pings and does not read would have its pongs pile up here.
            if context?.channel.isWritable == true, !hasSentClose { write(.pong, payload) }
        case .close(let code, let reason):
            closeCode = (Int(code.rawValue), reason)
            sendClose(code.mayTravel ? code : .normal, "")
            linger()
        case .failure(let violation):
            closeCode = (Int(violation.closeCode.rawValue), "")
            sendClose(violation.closeCode, "")
            linger()
        default: break
        }
    }

    /// It is the server's to close first (RFC 6455 §7.1.1); closing at once would reset what it has not read, our close
    /// frame included. One that does not is left.
    private func linger() {
        guard let channel = context?.channel else { return }
        let timer = loop.assumeIsolated().scheduleTask(in: closeTimeout) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isGone = true
        opened?.fail(ClientError.unreachable("the server closed the connection before it answered the handshake"))
        opened = nil
        if closeCode == nil { closeCode = (1006, "") }
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.promise.succeed(ClientArrival(end)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private var end: ClientMessage { .closed(code: closeCode?.code ?? 1006, reason: closeCode?.reason ?? "") }

    private func put(_ message: ClientMessage) {
        guard waiters.isEmpty else { return waiters.removeFirst().promise.succeed(ClientArrival(message)) }
        guard !isDropping else { return }
        // What nobody reads for so long is a mistake of the script; the newest are the ones it may still ask for.
        if inbox.count >= Self.inboxLimit { inbox.removeFirst() }
        inbox.append(ClientArrival(message))
    }

    // MARK: To the server

    func send(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true) throws {
        guard !isGone, !hasSentClose else { throw ClientError.closed(code: closeCode?.code ?? 1006) }
        write(opcode, payload, isFinal: isFinal)
    }

    /// Sends a message, compressed where that was agreed on and is worth it.
    func send(message opcode: Opcode, _ payload: [UInt8]) throws {
        guard let deflater, payload.count >= ZlibDeflater.least,
            let compressed = payload.withUnsafeBytes({ deflater.deflate($0) })
        else { return try send(opcode, payload) }
        guard !isGone, !hasSentClose else { throw ClientError.closed(code: closeCode?.code ?? 1006) }
        write(opcode, compressed, isCompressed: true)
    }

    func send(raw bytes: [UInt8]) throws {
        guard !isGone, let context else { throw ClientError.closed(code: closeCode?.code ?? 1006) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    private func write(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false) {
        guard let context else { return }
        let size = writer.size(payload.count)
        var buffer = context.channel.allocator.buffer(capacity: size)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
            payload.withUnsafeBytes {
                writer.write(opcode, $0, isFinal: isFinal, isCompressed: isCompressed, to: target)
            }
        }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    private func sendClose(_ code: CloseCode, _ reason: String) {
        guard !hasSentClose else { return }
        hasSentClose = true
        write(.close, FrameWriter.closePayload(code, reason: reason))
    }

    /// Messages kept for a script that does not ask for them.
    private static let inboxLimit = 65_536

    func receive(within limit: TimeAmount) -> EventLoopFuture<ClientArrival> {
        guard inbox.isEmpty else { return loop.makeSucceededFuture(inbox.removeFirst()) }
        guard !isGone else { return loop.makeSucceededFuture(ClientArrival(end)) }
        guard !hasStopped else { return loop.makeFailedFuture(ClientError.timedOut) }
        let promise = loop.makePromise(of: ClientArrival.self)
        let id = nextWaiter
        nextWaiter += 1
        waiters.append((id, promise))
        let timer = loop.assumeIsolated().scheduleTask(in: limit) { [self] in
            guard let place = waiters.firstIndex(where: { $0.id == id }) else { return }
            waiters.remove(at: place).promise.fail(ClientError.timedOut)
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    /// Whoever waits has been cancelled, and so is whoever would wait yet.
    func stopWaiting() {
        hasStopped = true
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.promise.fail(ClientError.timedOut) }
    }

    func close(_ code: CloseCode, _ reason: String, within limit: TimeAmount) -> EventLoopFuture<Int> {
        guard let context, !isGone else { return loop.makeSucceededFuture(closeCode?.code ?? 1006) }
        sendClose(code, reason)
        let channel = context.channel
        let timer = loop.assumeIsolated().scheduleTask(in: limit) { channel.close(promise: nil) }
        return channel.closeFuture.assumeIsolated().map { [self] _ in
            timer.cancel()
            return closeCode?.code ?? 1006
        }.nonisolated()
    }
}
