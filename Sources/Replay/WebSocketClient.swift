import Clocks
@preconcurrency import Glibc
public import NIOCore
import NIOPosix
public import Observations
public import WebSocket

/// Why a client has no connection.
public enum ClientError: Error, Hashable, Sendable {
    /// Nobody answers at the port, or the connection broke before the handshake was done.
    case unreachable(String)
    /// This machine has no port or no descriptor left to connect with: says nothing about the server.
    case exhausted(String)
    /// The server did not open the connection.
    case rejected(Handshake.Rejection)
    /// The connection is gone.
    case closed(code: Int)
    /// The time given is over.
    case timedOut
}

/// What a client receives.
public enum ClientMessage: Hashable, Sendable {
    /// Text.
    case text(String)
    /// Bytes.
    case bytes([UInt8])
    /// A pong.
    case pong([UInt8])
    /// The end: the close code, 1006 when the connection broke.
    case closed(code: Int, reason: String)
}

/// A message with the time at which its last byte was read, before any task was woken for it.
struct ClientArrival: Sendable {
    var message: ClientMessage
    var time: Moment

    init(_ message: ClientMessage) {
        self.message = message
        time = .now()
    }
}

/// One WebSocket client: a scenario's, a test's, a benchmark's.
///
/// Cheap enough to hold thousands: one NIO channel with one handler and no HTTP stack. Usable from any thread.
public final class WebSocketClient: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<ClientHandler>
    /// From connecting to the answer of the handshake.
    public let handshakeLatency: Nanoseconds
    /// What the server chose of what was offered.
    private let chosen: Handshake.Chosen
    /// The subprotocol the server chose.
    public var subprotocol: String? { chosen.subprotocol }
    /// Whether messages may be compressed, either way.
    public var isCompressed: Bool { chosen.deflate != nil }

    private init(
        channel: any Channel, handler: NIOLoopBound<ClientHandler>, latency: Nanoseconds, chosen: Handshake.Chosen
    ) {
        self.channel = channel
        self.handler = handler
        handshakeLatency = latency
        self.chosen = chosen
    }

    /// Connects and completes the handshake.
    ///
    /// - Parameters:
    ///   - path: path and query.
    ///   - compression: whether permessage-deflate is offered.
    ///   - timeout: for the connection and the handshake together.
    ///   - closeTimeout: how long the server may take to close the connection after a close frame.
    ///   - group: the loops to run on.
    ///   - loop: which of them; `nil` for any.
    ///   - source: the address to come from; `nil` for any.
    /// - Throws: `ClientError`.
    public static func connect(
        host: String = "127.0.0.1", port: Int, path: String, subprotocols: [String] = [],
        headers: [(name: String, value: String)] = [], compression: Bool = false, timeout: Duration = .seconds(30),
        closeTimeout: Duration = .seconds(5), group: ClientGroup = .shared, on loop: (any EventLoop)? = nil,
        from source: String? = nil
    ) async throws -> WebSocketClient {
        let start = NIODeadline.now()
        let limit = TimeAmount(timeout)
        let loop = loop ?? group.eventLoops.next()
        let key = { () -> String in
            var generator = SystemRandomNumberGenerator()
            return Handshake.key(using: &generator)
        }()
        let handshake = ClientHandshake(
            host: "\(host):\(port)", target: path, subprotocols: subprotocols, fields: headers,
            offersDeflate: compression, key: key)
        let opened = loop.makePromise(of: Handshake.Chosen.self)
        let (channel, handler): (any Channel, NIOLoopBound<ClientHandler>)
        do {
            var bootstrap = ClientBootstrap(group: loop).connectTimeout(limit)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                // A channel keeps its last read buffer, and most clients hear little.
                .channelOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 256, maximum: 65_536))
            if let source {
                // The port is chosen when it connects, so that those of connections that have just ended count too (ip(7)).
                let chooseLate = ChannelOptions.Types.SocketOption(level: .ip, name: .init(rawValue: 24))
                bootstrap = bootstrap.channelOption(chooseLate, value: 1)
                    .bind(to: try SocketAddress(ipAddress: source, port: 0))
            }
            let initialize = { @Sendable (channel: any Channel) in
                channel.eventLoop.makeCompletedFuture {
                    let handler = ClientHandler(
                        handshake: handshake, opened: opened, group: group, closeTimeout: TimeAmount(closeTimeout))
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
            // An address is not looked up; what does that keeps its state for as long as the time limit may come.
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                (channel, handler) = try await bootstrap.connect(to: address, channelInitializer: initialize)
            } else {
                (channel, handler) = try await bootstrap.connect(host: host, port: port, channelInitializer: initialize)
            }
        } catch {
            opened.fail(error)
            throw ClientError(connecting: error)
        }
        let timer = loop.scheduleTask(deadline: start + limit) { handler.value.timeOut() }
        defer { timer.cancel() }
        let chosen = try await withTaskCancellationHandler {
            try await opened.futureResult.get()
        } onCancel: {
            loop.execute { handler.value.timeOut() }
        }
        let latency = Nanoseconds((NIODeadline.now() - start).nanoseconds)
        return WebSocketClient(channel: channel, handler: handler, latency: latency, chosen: chosen)
    }

    func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (ClientHandler) throws -> Value
    ) async throws -> Value {
        let handler = self.handler
        return try await channel.eventLoop.submit { try body(handler.value) }.get()
    }

    /// Sends text.
    ///
    /// - Throws: `ClientError.closed`.
    public func send(text: String) async throws { try await onLoop { try $0.send(message: .text, Array(text.utf8)) } }

    /// Sends bytes.
    public func send(bytes: [UInt8]) async throws { try await onLoop { try $0.send(message: .binary, bytes) } }

    /// Sends a ping.
    public func ping(_ payload: [UInt8] = []) async throws { try await onLoop { try $0.send(.ping, payload) } }

    /// Sends a frame as it is, right or wrong: for tests of servers.
    public func send(
        frame opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true
    ) async throws { try await onLoop { try $0.send(opcode, payload, isFinal: isFinal) } }

    /// Sends bytes that need not be frames: for tests of servers.
    public func send(raw bytes: [UInt8]) async throws { try await onLoop { try $0.send(raw: bytes) } }

    /// The next message. After the end it gives the end again.
    ///
    /// - Throws: `ClientError.timedOut`.
    public func receive(timeout: Duration = .seconds(30)) async throws -> ClientMessage {
        try await arrival(within: Nanoseconds(timeout)).message
    }

    /// The next message with the time at which it came. A task that is cancelled waits no longer, now or later.
    func arrival(within limit: Nanoseconds) async throws -> ClientArrival {
        let handler = self.handler
        return try await withTaskCancellationHandler {
            try await channel.eventLoop.flatSubmit { handler.value.receive(within: .nanoseconds(limit.count)) }.get()
        } onCancel: { [channel] in
            channel.eventLoop.execute { handler.value.stopWaiting() }
        }
    }

    /// Sends text and waits for the next message, which should be its echo.
    ///
    /// - Returns: how long it took.
    public func roundTrip(_ text: String, timeout: Duration = .seconds(30)) async throws -> Nanoseconds {
        let start = NIODeadline.now()
        try await send(text: text)
        if case .closed(let code, _) = try await receive(timeout: timeout) { throw ClientError.closed(code: code) }
        return Nanoseconds((NIODeadline.now() - start).nanoseconds)
    }

    /// Closes with a code and waits for the socket to be gone.
    ///
    /// - Returns: the code the server answered with; 1006 if it did not.
    @discardableResult
    public func close(code: Int = 1000, reason: String = "", timeout: Duration = .seconds(10)) async -> Int {
        let handler = self.handler
        let ended = channel.eventLoop.flatSubmit {
            handler.value.close(CloseCode(rawValue: UInt16(clamping: code)), reason, within: TimeAmount(timeout))
        }
        return (try? await ended.get()) ?? 1006
    }

    /// Breaks the connection with a reset (RST), as a client does that is killed or out of reach.
    public func abort() async {
        let channel = self.channel
        try? await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try? await channel.close()
    }

    /// Waits for the socket to be gone.
    public func ended() async { try? await channel.closeFuture.get() }
}
