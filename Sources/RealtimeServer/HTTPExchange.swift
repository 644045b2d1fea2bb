import Instruments
import ConsumerRuntime
import NIOCore
import NIOHTTP1
import Observations

/// One request, the application that answers it, and the response.
///
/// On the loop's thread only; `@unchecked Sendable` because the application's `send` holds it.
final class HTTPExchange: @unchecked Sendable {
    private let host: LoopHost
    private let channel: any Channel
    private let connection: Connection
    private let scope: Scope
    private var writer: ResponseWriter
    private var waiting = WaitingSenders()
    private var stall: Scheduled<Void>?
    private var timer: Scheduled<Void>?
    private var hasUnflushed = false
    private var isGone = false
    private var isComplete = false
    private var bodySize = 0
    /// Whether the client has sent the whole request.
    private(set) var requestIsWhole = false
    /// Called once, when the response has been written: whether the connection goes on.
    var onResponse: ((_ keepAlive: Bool) -> Void)?
    /// Called when the application has taken what it was sent.
    var onDrained: (() -> Void)? {
        get { connection.onDrained }
        set { connection.onDrained = newValue }
    }

    init(host: LoopHost, channel: any Channel, _ scope: Scope, _ head: HTTPRequestHead) {
        self.host = host
        self.channel = channel
        self.scope = scope
        writer = ResponseWriter(to: head)
        connection = Connection(on: host.home, scope, afterDisconnect: host.configuration.policy.afterDisconnect)
    }

    func start() {
        host.insert(self)
        connection.afterJob = { [self] in flush() }
        connection.serve(host.application, scope, send: Send { [self] in try await send($0) }) { [self] ending in
            applicationEnded(ending)
        }
    }

    // MARK: From the client

    /// Whether more of the body should be waited for before the application has taken some.
    var isFull: Bool { connection.backlog >= host.configuration.backlogLimit }

    /// A piece of the body; `false` when it is more than the server takes.
    func take(_ piece: ByteBuffer) -> Bool {
        bodySize += piece.readableBytes
        guard bodySize <= host.configuration.http.bodyLimit else { return false }
        connection.deliver(.httpRequest(body: Array(piece.readableBytesView), more: true))
        return true
    }

    func requestEnds() {
        requestIsWhole = true
        if !isComplete { connection.deliver(.httpRequest(body: [], more: false)) }
    }

    /// The client is gone, or is given up.
    func clientIsGone() {
        guard !isGone else { return }
        isGone = true
        endOfConnection()
        resumeSenders()
    }

    /// Answers for the application, if it is not too late for that.
    func refuse(_ status: Int) {
        if !writer.hasBegun, !isComplete {
            writer.keepAlive = false
            respond(status)
        } else {
            complete(keepAlive: false)
        }
    }

    func serverStops() { writer.keepAlive = false }

    func channelIsWritable() { resumeSenders() }

    /// Cancels the application; whether it had not ended.
    func cancel(outlived: Bool) -> Bool {
        guard !connection.hasEnded else { return false }
        resumeSenders()
        connection.cancel(outlived: outlived)
        return true
    }

    // MARK: From the application

    private func send(_ message: Message) async throws {
        let loop = channel.eventLoop
        let isHeldUp: Bool
        if loop.inEventLoop {
            isHeldUp = try sendNow(message)
        } else {
            // From a task of the application's own, after which no job of the connection's flushes.
            isHeldUp = try await loop.submit {
                let isHeldUp = try self.sendNow(message)
                self.flush()
                return isHeldUp
            }.get()
        }
        if isHeldUp { await loop.suspend { self.waitForReader($0) } }
    }

    /// - Returns: whether the client has to read before there is room for more.
    private func sendNow(_ message: Message) throws -> Bool {
        try handle(message)
        guard mustWait else { return false }
        flush()
        // The flush may have made room, or found out that the client is gone.
        return mustWait
    }

    private var mustWait: Bool { !channel.isWritable && !isGone }

    private func handle(_ message: Message) throws(ProtocolMisuse) {
        // What is sent to a client that is gone is dropped, as the servers do.
        guard !isGone, !isComplete else {
            if isComplete, !isGone {
                throw ProtocolMisuse(message: message.type, expected: "nothing: the response is complete")
            }
            return
        }
        var buffer = channel.allocator.buffer(capacity: 256)
        let isEnd = try writer.write(message, date: host.date, to: &buffer)
        if buffer.readableBytes > 0 { write(buffer) }
        if isEnd { complete(keepAlive: writer.keepAlive) }
    }

    private func respond(_ status: Int) {
        write(ResponseWriter.plain(status, "", keepAlive: writer.keepAlive, date: host.date))
        complete(keepAlive: writer.keepAlive)
    }

    private func write(_ buffer: ByteBuffer) {
        guard !isGone else { return }
        channel.pipeline.syncOperations.write(NIOAny(buffer), promise: nil)
        hasUnflushed = true
    }

    private func flush() {
        guard hasUnflushed else { return }
        hasUnflushed = false
        channel.pipeline.syncOperations.flush()
    }

    /// The application has ended: what it left open is answered for.
    private func applicationEnded(_ ending: Connection.Ending) {
        connection.afterJob = nil
        connection.onDrained = nil
        if !isComplete, !isGone {
            if writer.hasBegun {
                complete(keepAlive: false)  // cut off: the client must see that it is not whole
            } else if case .threw(let error) = ending, error is NoRoute {
                connection.meter?.connectionRejected(status: 404)
                respond(404)
            } else {
                writer.keepAlive = false
                respond(500)
            }
        }
        flush()
        finishIfOver()
    }

    private func complete(keepAlive: Bool) {
        guard !isComplete else { return }
        isComplete = true
        flush()
        endOfConnection()
        let onResponse = self.onResponse
        self.onResponse = nil
        onResponse?(keepAlive)
    }

    /// The request is over, either way: the ledger is told, and the application, which has only so long to end.
    private func endOfConnection() {
        connection.meter?.connectionClosed(code: nil)
        connection.deliver(.httpDisconnect)
        stall?.cancel()
        guard !connection.hasEnded else { return finishIfOver() }
        if let deadline = host.configuration.policy.closeDeadline {
            timer = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(deadline)) { [self] in
                _ = cancel(outlived: true)
            }
        }
    }

    private func finishIfOver() {
        guard connection.hasEnded, isComplete || isGone else { return }
        timer?.cancel()
        host.remove(self)
    }

    // MARK: A client that reads slowly

    private func waitForReader(_ sender: UnsafeContinuation<Void, Never>) {
        guard mustWait else { return sender.resume() }
        waiting.append(sender)
        guard stall == nil else { return }
        let deadline = TimeAmount(host.configuration.http.sendDeadline)
        stall = channel.eventLoop.assumeIsolated().scheduleTask(in: deadline) { [self] in
            channel.close(promise: nil)
        }
    }

    private func resumeSenders() {
        stall?.cancel()
        stall = nil
        waiting.resume()
    }
}
