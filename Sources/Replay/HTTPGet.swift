import NIOCore
import NIOPosix
public import Observations

/// One HTTP/1.1 request on a connection of its own (RFC 9112): what makes a server run its views.
enum HTTPGet {
    /// Asks, and waits for the whole answer; its body is read and dropped.
    ///
    /// - Returns: the status.
    /// - Throws: `ClientError`.
    static func request(
        _ target: String, fields: [(name: String, value: String)], at endpoint: Endpoint, within limit: Nanoseconds,
        group: ClientGroup
    ) async throws -> Int {
        let loop = group.eventLoops.next()
        let answer = loop.makePromise(of: Int.self)
        let lines =
            ["GET \(target) HTTP/1.1", "Host: \(endpoint.authority)", "Accept: */*", "Connection: close"]
            + fields.map { "\($0.name): \($0.value)" }
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .connectTimeout(.nanoseconds(limit.count))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AnswerHandler(answer))
                    }
                }
                .connect(host: endpoint.host, port: endpoint.port).get()
        } catch {
            answer.fail(error)
            throw ClientError(connecting: error)
        }
        let timer = loop.scheduleTask(in: .nanoseconds(limit.count)) {
            answer.fail(ClientError.timedOut)
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        channel.writeAndFlush(ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n"), promise: nil)
        return try await answer.futureResult.get()
    }
}

extension Endpoint {
    /// Whether an HTTP server answers there in time, whatever it says: one that listens may still be loading its application.
    public func answers(within limit: Nanoseconds, group: ClientGroup) async -> Bool {
        (try? await HTTPGet.request(prefix + "/", fields: [], at: self, within: limit, group: group)) != nil
    }
}

/// Reads the status, drops the rest, and answers when the server has closed. On its loop's thread only.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<Int>
    private var head: [UInt8] = []

    init(_ answer: EventLoopPromise<Int>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // `HTTP/1.1 200`: nothing after it is kept.
        guard head.count < 12 else { return }
        head += unwrapInboundIn(data).readableBytesView.prefix(12 - head.count)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let text = String(decoding: head, as: UTF8.self)
        guard text.hasPrefix("HTTP/1."), let status = Int(text.suffix(3)), text.count == 12 else {
            return answer.fail(ClientError.unreachable("the answer is not HTTP, or was cut short"))
        }
        answer.succeed(status)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
