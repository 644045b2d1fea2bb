@preconcurrency import Glibc
import NIOCore
import NIOPosix
import Observations

/// A TCP connection without a protocol: for clients that do not even finish the handshake.
final class TCPClient: Sendable {
    let channel: any Channel

    private init(_ channel: any Channel) { self.channel = channel }

    /// Connects; what the server says is read and dropped.
    ///
    /// - Throws: `ClientError.unreachable`.
    static func connect(to endpoint: Endpoint, within limit: Nanoseconds, group: ClientGroup) async throws -> TCPClient
    {
        do {
            return TCPClient(
                try await ClientBootstrap(group: group.eventLoops.next())
                    .connectTimeout(.nanoseconds(limit.count))
                    .channelOption(.socketOption(.tcp_nodelay), value: 1)
                    .connect(host: endpoint.host, port: endpoint.port).get())
        } catch {
            throw ClientError(connecting: error)
        }
    }

    /// Sends bytes.
    ///
    /// - Throws: `ClientError.closed` when the connection is gone.
    func send(_ bytes: ArraySlice<UInt8>) async throws {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        } catch {
            throw ClientError.closed(code: 1006)
        }
    }

    /// Breaks it with a reset.
    func abort() async { await channel.abort() }

    /// Waits until it ends, or until a moment.
    func ended(by moment: Moment) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [channel] in try? await channel.closeFuture.get() }
            group.addTask { [channel] in try await channel.eventLoop.wait(until: moment) }
            try await group.next()
            // A closed channel ends the first; nothing but closing it does. That is the caller's next step anyway.
            channel.close(promise: nil)
            group.cancelAll()
        }
    }
}

extension Channel {
    /// Closes with a reset (RST) instead of FIN, as a client does that is killed or out of reach.
    func abort() async {
        try? await (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try? await close()
    }
}
