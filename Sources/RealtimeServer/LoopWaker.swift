import ConsumerRuntime
@preconcurrency import Glibc
import NIOCore
import NIOPosix

/// Gives a loop its next tick at once: a byte through a pipe to itself.
///
/// NIO runs every task that is ready before it asks the kernel for events; only an event ends a tick without a sleep.
/// It costs a write, a read and an `epoll_wait`, which is what a tick costs asyncio.
final class LoopWaker: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let home: ConsumerLoop

    init(_ home: ConsumerLoop) { self.home = home }

    /// Opens the pipe. It is closed with the loop.
    ///
    /// - Throws: `IOError` when there are no descriptors left.
    func start() async throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (input, output) = (ends[0], ends[1])
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        do {
            let channel = try await NIOPipeBootstrap(group: home.loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
                }
                .takingOwnershipOfDescriptor(input: input).get()
            channel.closeFuture.whenComplete { [home] _ in
                home.askForTick = nil
                close(output)
            }
        } catch {
            close(input)
            close(output)
            throw error
        }
        try await home.loop.submit { [home] in
            home.askForTick = {
                var byte: UInt8 = 0
                _ = write(output, &byte, 1)
            }
        }.get()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { home.tick() }
}
