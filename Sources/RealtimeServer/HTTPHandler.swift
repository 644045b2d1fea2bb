import ConsumerRuntime
import NIOCore
import NIOHTTP1
import WebSocket

/// Reads requests off one connection and has each answered by the application, or makes a WebSocket of it.
///
/// On the loop's thread only. One request at a time: what a client sends ahead waits, and its socket is read no further.
/// Nothing here waits for a client without a deadline.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let host: LoopHost
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var upgrade: HTTPRequestHead?
    private var session: WebSocketSession?
    private var exchange: HTTPExchange?
    private var ahead = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 1)
    private var deadline: Scheduled<Void>?
    private var isIdle = false
    private var isClosing = false
    private var isReadPaused = false
    private var bodySinceCheck = 0
    private var context: ChannelHandlerContext?

    init(host: LoopHost, decoder: ByteToMessageHandler<HTTPRequestDecoder>) {
        self.host = host
        self.decoder = decoder
    }

    private var limits: HTTPLimits { host.configuration.http }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        host.insert(self)
        waitForRequest(idle: false)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
        host.remove(self)
    }

    func serverStops() {
        if let exchange { exchange.serverStops() } else if session == nil { close() }
    }

    // MARK: Deadlines

    private func schedule(_ delay: Duration, _ action: @escaping (HTTPHandler) -> Void) {
        deadline?.cancel()
        deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            if let self { action(self) }
        }
    }

    /// A connection with no request under way has `idleDeadline`; from the first byte on a head has `requestDeadline`.
    private func waitForRequest(idle: Bool) {
        isIdle = idle
        schedule(idle ? limits.idleDeadline : host.configuration.requestDeadline) { $0.close() }
    }

    /// A body must come at a rate, however small its pieces.
    private func watchBody() {
        bodySinceCheck = 0
        schedule(limits.bodyDeadline) { handler in
            guard handler.bodySinceCheck >= handler.limits.bodyLeast || handler.isReadPaused else {
                handler.exchange?.refuse(408)
                return
            }
            handler.watchBody()
        }
    }

    private func close() {
        isClosing = true
        deadline?.cancel()
        context?.close(promise: nil)
    }

    // MARK: From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isClosing, session == nil else { return }
        if exchange?.requestIsWhole == true { ahead.append(part) } else { take(part) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Bytes have come and are no head yet: a client that begins a request has to finish it.
        if isIdle, exchange == nil, upgrade == nil { waitForRequest(idle: false) }
        context.fireChannelReadComplete()
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head): begin(head)
        case .body(let piece): takeBody(piece)
        case .end:
            deadline?.cancel()
            if let head = upgrade {
                upgrade = nil
                answerUpgrade(head)
            } else if let exchange {
                exchange.requestEnds()
                pauseReading(exchange.requestIsWhole)
            }
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        isIdle = false
        deadline?.cancel()
        guard let context, let target = RequestTarget(head) else { return respond(400) }
        guard !head.headers.contains(name: "upgrade") || !Self.asksForWebSocket(head) else {
            upgrade = head
            return schedule(host.configuration.requestDeadline) { $0.close() }
        }
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        if let length, length > limits.bodyLimit { return respond(413) }
        let exchange = HTTPExchange(host: host, channel: context.channel, scope(head, target, .http), head)
        self.exchange = exchange
        exchange.onResponse = { [self] keepAlive in
            responseEnds(keepAlive: keepAlive && !head.headers.contains(name: "upgrade"))
        }
        exchange.onDrained = { [self] in if self.exchange?.requestIsWhole == false { pauseReading(false) } }
        if host.isStopping { exchange.serverStops() }
        if head.version == .http1_1, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
        watchBody()
        exchange.start()
    }

    private func takeBody(_ piece: ByteBuffer) {
        guard let exchange else { return }
        bodySinceCheck += piece.readableBytes
        guard exchange.take(piece) else { return exchange.refuse(413) }
        if exchange.isFull { pauseReading(true) }
    }

    private func pauseReading(_ pause: Bool) {
        guard pause != isReadPaused else { return }
        isReadPaused = pause
        context?.channel.setOption(.autoRead, value: !pause).whenFailure { _ in }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosing = true
        exchange?.clientIsGone()
        exchange = nil
        session?.socketIsGone()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { exchange?.channelIsWritable() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard session == nil, let error = error as? HTTPParserError else { return close() }
        let status = error == .headerOverflow ? 431 : 400
        if let exchange, !exchange.requestIsWhole { return exchange.refuse(status) }
        // The answer to the request before this one is still to come: then there is no place for another.
        if exchange != nil { exchange?.serverStops() } else { respond(status) }
    }

    // MARK: To the client

    private func responseEnds(keepAlive: Bool) {
        let isWhole = exchange?.requestIsWhole ?? true
        exchange = nil
        // The rest of a body that nobody reads is not waited for.
        guard keepAlive, isWhole, !host.isStopping, !isClosing else { return closeAfterWriting(linger: !isWhole) }
        waitForRequest(idle: true)
        while exchange?.requestIsWhole != true, upgrade == nil || !ahead.isEmpty, session == nil,
            let part = ahead.popFirst()
        {
            take(part)
        }
        pauseReading(exchange?.requestIsWhole == true)
    }

    private func respond(_ status: Int, fields: [Header] = []) {
        guard !isClosing else { return }
        let bytes = ResponseWriter.plain(status, "", fields: fields, keepAlive: false, date: host.date)
        context?.write(wrapOutboundOut(bytes), promise: nil)
        closeAfterWriting(linger: true)
    }

    /// How long a client may go on sending what nobody reads before its socket is closed.
    private static let lingerDeadline = Duration.seconds(1)

    /// Closes when all has been written: a client that does not read has so long.
    ///
    /// - Parameter linger: the client may still be sending: closing at once would reset the connection, and the response
    ///   could be lost on its way (RFC 9112 §9.6). Only our half is closed then, until the client is done too.
    private func closeAfterWriting(linger: Bool) {
        guard !isClosing, let context else { return }
        isClosing = true
        pauseReading(false)
        schedule(limits.sendDeadline) { $0.close() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in
            guard linger else { return context.close(promise: nil) }
            context.close(mode: .output, promise: nil)
            schedule(Self.lingerDeadline) { $0.close() }
        }
    }

    private func scope(_ head: HTTPRequestHead, _ target: RequestTarget, _ kind: Scope.Kind) -> Scope {
        Scope(
            type: kind, method: head.method.rawValue, path: target.path, queryString: target.query,
            headers: head.headers.map { Header($0.name, $0.value) },
            subprotocols: kind == .websocket ? Handshake.subprotocols(Self.fields(head)) : [],
            client: context?.remoteAddress?.description)
    }

    private static func fields(_ head: HTTPRequestHead) -> [Handshake.Field] {
        head.headers.map { (name: $0.name, value: $0.value) }
    }

    // MARK: WebSockets

    private static func asksForWebSocket(_ head: HTTPRequestHead) -> Bool {
        do throws(Handshake.Refusal) {
            _ = try Handshake.key(method: head.method.rawValue, fields: fields(head))
            return true
        } catch {
            return error != .notWebSocket
        }
    }

    private func answerUpgrade(_ head: HTTPRequestHead) {
        guard let context, let target = RequestTarget(head) else { return respond(400) }
        let fields = Self.fields(head)
        let key: String
        do throws(Handshake.Refusal) {
            key = try Handshake.key(method: head.method.rawValue, fields: fields)
        } catch {
            let version = error == .unsupportedVersion ? [Header("sec-websocket-version", "13")] : []
            return respond(error.status, fields: version)
        }
        guard !host.isStopping else { return respond(503) }
        let agreement = host.configuration.compression ? DeflateAgreement(offers: fields) : nil
        let scope = scope(head, target, .websocket)
        let session = WebSocketSession(host: host, channel: context.channel, scope, agreement)
        self.session = session
        session.onAnswer = { [self] answer in
            switch answer {
            case .accept(let subprotocol, var headers):
                if let agreement { headers.append(Header("sec-websocket-extensions", agreement.answer)) }
                switchProtocols(key: key, subprotocol: subprotocol, headers: headers, session, context)
            case .refuse(let status): respond(status)
            }
        }
        session.start(scope)
    }

    private func switchProtocols(
        key: String, subprotocol: String?, headers: [Header], _ session: WebSocketSession,
        _ context: ChannelHandlerContext
    ) {
        let fields =
            Handshake.answer(key: key, subprotocol: subprotocol).map { Header($0.name, $0.value) }
            + headers.filter(\.isSendable)
        let head = "HTTP/1.1 101 Switching Protocols\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head + "\r\n")), promise: nil)
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(session)
        } catch {
            return close()
        }
        // The decoder goes last: it forwards what the client has already sent to the session.
        _ = pipeline.removeHandler(self)
        _ = pipeline.removeHandler(decoder)
    }
}
