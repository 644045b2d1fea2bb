import Clocks
import Instruments
import ConsumerRuntime
import NIOCore
import NIOHTTP1
import NIOPosix
import WebSocket

/// The connections of one event loop.
///
/// `@unchecked Sendable`: everything but the constants is touched on the loop's thread only.
final class LoopHost: @unchecked Sendable {
    let home: ConsumerLoop
    let application: any ASGIApplication
    let configuration: ServerConfiguration
    private var sessions: [ObjectIdentifier: WebSocketSession] = [:]
    private var requests: [ObjectIdentifier: HTTPHandler] = [:]
    private var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
    private var dateSecond = -1
    private var dateText = ""
    private(set) var isStopping = false
    /// Shared by the loop's connections.
    let codecs = DeflateCodecs()
    let frames = FrameBuffer()

    init(home: ConsumerLoop, application: any ASGIApplication, configuration: ServerConfiguration) {
        self.home = home
        self.application = application
        self.configuration = configuration
    }

    /// Sets up a connection that was just accepted.
    func accept(_ channel: any Channel) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.http.headLimit
        limits.maxHeaderFieldSize = configuration.http.headLimit
        limits.maxHeaderFieldCount = configuration.http.fieldLimit
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
        try channel.pipeline.syncOperations.addHandlers([decoder, HTTPHandler(host: self, decoder: decoder)])
    }

    /// The value of `Date` (RFC 9110 §5.6.7), made once a second.
    var date: String {
        let second = Int(WallClock.now())
        if second != dateSecond {
            dateSecond = second
            dateText = HTTPDate.text(second)
        }
        return dateText
    }

    /// Connections that are open or whose application has not ended.
    var alive: Int { sessions.count + requests.count + exchanges.count }

    func insert(_ session: WebSocketSession) { sessions[ObjectIdentifier(session)] = session }
    func remove(_ session: WebSocketSession) { sessions[ObjectIdentifier(session)] = nil }
    func insert(_ exchange: HTTPExchange) { exchanges[ObjectIdentifier(exchange)] = exchange }
    func remove(_ exchange: HTTPExchange) { exchanges[ObjectIdentifier(exchange)] = nil }
    func insert(_ request: HTTPHandler) { requests[ObjectIdentifier(request)] = request }
    func remove(_ request: HTTPHandler) { requests[ObjectIdentifier(request)] = nil }

    /// Begins to stop: closes each connection.
    func closeAll() {
        isStopping = true
        for session in sessions.values { session.serverStops() }
        for request in requests.values { request.serverStops() }
    }

    /// Cancels each application that has not ended.
    func cancelAll() -> Int {
        let cancelled =
            sessions.values.map { $0.cancel(outlived: false) }
            + exchanges.values.map { $0.cancel(outlived: false) }
        return cancelled.count { $0 }
    }
}
