import ConsumerRuntime
import NIOCore
import NIOHTTP1
import WebSocket

/// Reads a request and makes a WebSocket of it, or answers it with a page.
///
/// On the loop's thread only. One request at a time, keep-alive as HTTP/1.1 has it; bodies are read and thrown away.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let host: LoopHost
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let encoder: HTTPResponseEncoder
    private var head: HTTPRequestHead?
    private var session: WebSocketSession?
    private var deadline: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(host: LoopHost, decoder: ByteToMessageHandler<HTTPRequestDecoder>, encoder: HTTPResponseEncoder) {
        self.host = host
        self.decoder = decoder
        self.encoder = encoder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        host.insert(self)
        waitForRequest(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
        host.remove(self)
    }

    func serverStops() { if session == nil { context?.close(promise: nil) } }

    private func waitForRequest(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(host.configuration.requestDeadline)) {
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard session == nil, let head else { return }
            self.head = nil
            deadline?.cancel()
            answer(head, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        session?.socketIsGone()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard session == nil, error is HTTPParserError else { return context.close(promise: nil) }
        respond(400, "this is not HTTP/1.1\n", keepAlive: false, context)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let fields = head.headers.map { (name: $0.name, value: $0.value) }
        do throws(Handshake.Refusal) {
            let key = try Handshake.key(method: head.method.rawValue, fields: fields)
            begin(head, key: key, fields: fields, context)
        } catch {
            guard error == .notWebSocket else {
                let version = error == .unsupportedVersion ? [("sec-websocket-version", "13")] : []
                return respond(error.status, "\(error)\n", fields: version, keepAlive: false, context)
            }
            let text = "loopscope test server. Connect with a WebSocket client.\n"
            respond(head.uri == "/" ? 200 : 404, text, keepAlive: head.isKeepAlive, context)
        }
    }

    private func begin(
        _ head: HTTPRequestHead, key: String, fields: [Handshake.Field], _ context: ChannelHandlerContext
    ) {
        let target = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = target.first.map { Self.percentDecoded(String($0)) } ?? "/"
        let scope = Scope(
            type: .websocket, path: path, queryString: target.count > 1 ? String(target[1]) : "",
            headers: fields.map { Header($0.name, $0.value) }, subprotocols: Handshake.subprotocols(fields),
            client: context.remoteAddress?.description)
        let agreement = host.configuration.compression ? DeflateAgreement(offers: fields) : nil
        let session = WebSocketSession(host: host, channel: context.channel, path: path, agreement)
        self.session = session
        session.onAnswer = { [self] answer in
            switch answer {
            case .accept(let subprotocol, var headers):
                if let agreement { headers.append(Header("sec-websocket-extensions", agreement.answer)) }
                switchProtocols(key: key, subprotocol: subprotocol, headers: headers, session, context)
            case .refuse(let status): respond(status, "", keepAlive: false, context)
            }
        }
        session.start(scope)
    }

    private func switchProtocols(
        key: String, subprotocol: String?, headers: [Header], _ session: WebSocketSession,
        _ context: ChannelHandlerContext
    ) {
        let fields = Handshake.answer(key: key, subprotocol: subprotocol) + headers.map { ($0.name, $0.value) }
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: HTTPHeaders(fields))
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(session)
        } catch {
            return context.close(promise: nil)
        }
        // The decoder goes last: it forwards what the client has already sent to the session.
        _ = pipeline.removeHandler(encoder)
        _ = pipeline.removeHandler(self)
        _ = pipeline.removeHandler(decoder)
    }

    private func respond(
        _ status: Int, _ text: String, fields: [(String, String)] = [], keepAlive: Bool,
        _ context: ChannelHandlerContext
    ) {
        let body = text.isEmpty ? HTTPResponseStatus(statusCode: status).reasonPhrase + "\n" : text
        var headers = HTTPHeaders(fields)
        headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        headers.add(name: "content-length", value: String(body.utf8.count))
        if !keepAlive { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if keepAlive {
            waitForRequest(context)
        } else {
            done.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        }
    }

    /// The path with its percent escapes undone; one that is none stays as it is.
    static func percentDecoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%"), place + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[place + 1...place + 2], as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                place += 3
            } else {
                decoded.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
