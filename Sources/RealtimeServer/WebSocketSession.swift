import Instruments
import ConsumerRuntime
import NIOCore
import WebSocket

/// One WebSocket and the application that serves it, from the request to the end of both.
///
/// On the loop's thread only; `@unchecked Sendable` because the application's `send` holds it.
final class WebSocketSession: ChannelInboundHandler, RemovableChannelHandler, MessageSink, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the application made of the handshake.
    enum Answer {
        case accept(subprotocol: String?, headers: [Header])
        case refuse(status: Int)
    }

    private enum State {
        /// The application has not answered the handshake.
        case handshake
        /// Messages go both ways.
        case open
        /// We have sent a close frame.
        case closing
        /// Refused, or the socket is gone.
        case closed
    }

    private let host: LoopHost
    private let channel: any Channel
    private let connection: Connection
    private var state = State.handshake
    private let loop: any EventLoop
    private let frames: FrameBuffer
    /// Its place in the channel's pipeline, once the handshake is answered: the shortest way to the socket.
    private var context: ChannelHandlerContext?
    /// What the channel would say, as it last told.
    private var isWritable = true
    private var reader: MessageReader
    private let deflater: ZlibDeflater?
    private var hasUnflushed = false
    private var isReadPaused = false
    private var waiting = WaitingSenders()
    private var timer: Scheduled<Void>?
    private var keepAlive: KeepAlive?
    private var closeCode: CloseCode?
    private var isSocketGone = false
    private var wasDisconnectDelivered = false
    /// Called once, when the application has answered the handshake.
    var onAnswer: ((Answer) -> Void)?

    init(host: LoopHost, channel: any Channel, _ scope: Scope, _ agreement: DeflateAgreement?) {
        self.host = host
        self.channel = channel
        loop = channel.eventLoop
        frames = host.frames
        deflater = agreement.flatMap { host.codecs.deflater($0) }
        reader = MessageReader(
            peer: .client, limit: host.configuration.messageLimit,
            inflater: agreement.flatMap { _ in host.codecs.inflater })
        connection = Connection(
            on: host.home, scope, afterDisconnect: host.configuration.policy.afterDisconnect)
    }

    // MARK: Life

    func start(_ scope: Scope) {
        host.insert(self)
        connection.afterJob = { [self] in flush() }
        connection.onDrained = { [self] in readOn() }
        connection.deliver(.websocketConnect)
        if let deadline = host.configuration.policy.handshakeDeadline {
            schedule(in: deadline) { $0.handshakeTookTooLong() }
        }
        connection.serve(host.application, scope, send: Send(to: self)) { [self] ending in
            applicationEnded(ending)
        }
    }

    // The timers hold the session strongly: whatever ends it cancels them, and an object that was ever referred to weakly
    // pays for it at each retain.
    private func schedule(in delay: Duration, _ action: @escaping (WebSocketSession) -> Void) {
        timer?.cancel()
        timer = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [self] in action(self) }
    }

    private func handshakeTookTooLong() {
        guard state == .handshake else { return }
        refuse(status: 500)
    }

    private func refuse(status: Int) {
        state = .closed
        timer?.cancel()
        connection.meter?.connectionRejected(status: status)
        answer(.refuse(status: status))
    }

    private func answer(_ answer: Answer) {
        let onAnswer = self.onAnswer
        self.onAnswer = nil
        onAnswer?(answer)
    }

    /// The application has ended: close what it left open.
    private func applicationEnded(_ ending: Connection.Ending) {
        connection.afterJob = nil
        connection.onDrained = nil
        switch (state, ending) {
        case (.handshake, .threw(let error)): refuse(status: error is NoRoute ? 404 : 500)
        case (.handshake, _): refuse(status: 500)
        case (.open, .threw): beginClose(.internalError)
        case (.open, _): beginClose(host.isStopping ? .serviceRestart : .normal)
        case (.closing, _), (.closed, _): break
        }
        flush()
        if isSocketGone { finish() }
    }

    /// The socket is gone: the application is told as this server's policy has it.
    func socketIsGone() {
        guard !isSocketGone else { return }
        isSocketGone = true
        state = .closed
        onAnswer = nil
        timer?.cancel()
        keepAlive?.stop()
        keepAlive = nil  // it holds us
        waiting.resume()
        let code = closeCode ?? .abnormal
        connection.meter?.connectionClosed(code: Int(code.rawValue))
        deliverDisconnect(code, reason: nil)
        guard !connection.hasEnded else { return finish() }
        for _ in 1..<max(1, host.configuration.policy.disconnects) {
            connection.deliver(.websocketDisconnect(code: 1005, reason: nil))
        }
        if let deadline = host.configuration.policy.closeDeadline {
            schedule(in: deadline) { _ = $0.cancel(outlived: true) }
        }
    }

    private func deliverDisconnect(_ code: CloseCode, reason: String?) {
        guard !wasDisconnectDelivered else { return }
        wasDisconnectDelivered = true
        connection.deliver(.websocketDisconnect(code: Int(code.rawValue), reason: reason))
    }

    private func finish() {
        timer?.cancel()
        host.remove(self)
    }

    /// Cancels the application; whether it had not ended.
    func cancel(outlived: Bool) -> Bool {
        guard !connection.hasEnded else { return false }
        waiting.resume()
        connection.cancel(outlived: outlived)
        return true
    }

    func serverStops() {
        switch state {
        case .handshake: refuse(status: 503)
        case .open: beginClose(.serviceRestart)
        case .closing, .closed: break
        }
        flush()
    }

    // MARK: From the client

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isWritable = context.channel.isWritable
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        // What ends the connection is answered at once, and an answer that cannot be sent has NIO read what is left of
        // the connection there and then, which comes back here: so not while `reader` is at work.
        var end: WebSocketEvent?
        buffer.withUnsafeReadableBytes { bytes in
            reader.read(bytes) { event in
                switch event {
                case .close, .failure: end = event
                default: take(event)
                }
            }
        }
        if let end { take(end) }
        flush()
    }

    // The session is the last that hears of it.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        socketIsGone()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { waiting.resume() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func take(_ event: WebSocketEvent) {
        switch event {
        case .text(let text): deliver(.text(text))
        case .binary(let bytes): deliver(.bytes(bytes))
        case .ping(let payload): if state == .open { write(.pong, payload) }
        case .pong: keepAlive?.pong()
        case .close(let code, let reason):
            closeCode = code
            if state == .open { beginClose(code) }
            deliverDisconnect(code, reason: reason)
            closeSocket()
        case .failure(let violation):
            closeCode = violation.closeCode
            if state == .open { beginClose(violation.closeCode) }
            closeSocket()
        }
    }

    private func deliver(_ data: WebSocketData) {
        guard state == .open else { return }
        let backlog = connection.deliver(.websocketReceive(data))
        if backlog >= host.configuration.backlogLimit, !isReadPaused {
            isReadPaused = true
            channel.setOption(.autoRead, value: false).whenFailure { _ in }
        }
    }

    private func readOn() {
        guard isReadPaused else { return }
        isReadPaused = false
        channel.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    // MARK: From the application

    /// What the application's `send` does.
    func sendNow(_ message: Message) throws -> SendProgress {
        guard loop.inEventLoop else { return .isElsewhere }
        guard try handle(message), !isWritable else { return .sent }
        flush()
        // The flush may have made room, or found out that the client is gone.
        return isWritable || state != .open ? .sent : .isFull
    }

    func waitForRoom() async {
        await loop.suspend { [self] sender in
            guard !isWritable, state == .open else { return sender.resume() }
            waiting.append(sender)
        }
    }

    /// From a task of the application's own, off the loop: it waits for its turn on it, and like the consumer for the client.
    func sendFromElsewhere(_ message: Message) async throws {
        let progress = try await loop.submit {
            let progress = try self.sendNow(message)
            self.flush()
            return progress
        }.get()
        if progress == .isFull { await waitForRoom() }
    }

    /// - Returns: whether something was written.
    private func handle(_ message: Message) throws -> Bool {
        switch (state, message) {
        case (.handshake, .websocketAccept(let subprotocol, let headers)):
            state = .open
            timer?.cancel()
            connection.meter?.connectionAccepted()
            startKeepAlive()
            answer(.accept(subprotocol: subprotocol, headers: headers))
        case (.handshake, .websocketClose): refuse(status: 403)
        case (.open, .websocketSend(.text(let text))):
            var text = text
            text.withUTF8 { writeMessage(.text, UnsafeRawBufferPointer($0)) }
            return true
        case (.open, .websocketSend(.bytes(let bytes))):
            bytes.withUnsafeBytes { writeMessage(.binary, $0) }
            return true
        case (.open, .websocketClose(let code, let reason)):
            beginClose(CloseCode(rawValue: UInt16(clamping: code)), reason: reason)
            return true
        // What is sent to a client that is gone is dropped, as the servers do.
        case (.closing, .websocketSend), (.closed, .websocketSend), (.closed, .websocketClose): break
        case (.handshake, _):
            throw ProtocolMisuse(message: message.type, expected: "websocket.accept or websocket.close")
        case (.open, _): throw ProtocolMisuse(message: message.type, expected: "websocket.send or websocket.close")
        case (.closing, _), (.closed, _): throw ProtocolMisuse(message: message.type, expected: "nothing: it is closed")
        }
        return false
    }

    private func write(_ opcode: Opcode, _ payload: [UInt8]) { payload.withUnsafeBytes { write(opcode, $0) } }

    private func writeMessage(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        if let deflater, payload.count >= ZlibDeflater.least, let compressed = deflater.deflate(payload) {
            compressed.withUnsafeBytes { write(opcode, $0, isCompressed: true) }
        } else {
            write(opcode, payload)
        }
    }

    private func write(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isCompressed: Bool = false) {
        // A server's writer keeps nothing from one frame to the next.
        var writer = FrameWriter.server
        let buffer = frames.filled(size: writer.size(payload.count)) {
            writer.write(opcode, payload, isCompressed: isCompressed, to: $0)
        }
        if let context {
            context.write(wrapOutboundOut(buffer), promise: nil)
        } else {
            channel.pipeline.syncOperations.write(NIOAny(buffer), promise: nil)
        }
        hasUnflushed = true
    }

    private func flush() {
        guard hasUnflushed else { return }
        hasUnflushed = false
        if let context { context.flush() } else { channel.pipeline.syncOperations.flush() }
    }

    private func startKeepAlive() {
        keepAlive = KeepAlive(host.configuration.policy, on: loop) { [self] in
            write(.ping, [])
            flush()
        } giveUp: { [self] in
            beginClose(.internalError, reason: "keepalive ping timeout")
            closeSocket()
        }
        keepAlive?.start()
    }

    private func beginClose(_ code: CloseCode, reason: String = "") {
        state = .closing
        keepAlive?.stop()
        connection.meter?.connectionCloses()
        write(.close, FrameWriter.closePayload(code, reason: reason))
        if closeCode == nil {
            schedule(in: host.configuration.closeTimeout) { $0.channel.close(promise: nil) }
        }
        readOn()
        waiting.resume()
    }

    /// The closing handshake is complete: the server closes the socket first (RFC 6455 §7.1.1).
    private func closeSocket() {
        state = .closed
        flush()
        channel.close(promise: nil)
    }
}
