public import NIOCore
import NIOPosix
import WebSocket

/// The event loops that clients run on.
public final class ClientGroup: Sendable {
    private let loops: MultiThreadedEventLoopGroup
    private let codecsOfThread = ThreadSpecificVariable<DeflateCodecs>()

    /// Loops for clients; one drives some 150 000 messages a second.
    public init(loops: Int = 1) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops))
        self.loops = group
        executors = group.makeIterator().map { LoopExecutor($0) }
    }

    /// Where the tasks of clients run: one for each loop.
    let executors: [LoopExecutor]

    /// The loops.
    public var eventLoops: any EventLoopGroup { loops }

    /// What the clients of the calling thread's loop compress with.
    var codecs: DeflateCodecs {
        if let codecs = codecsOfThread.currentValue { return codecs }
        let made = DeflateCodecs()
        codecsOfThread.currentValue = made
        return made
    }

    /// Ends the loops; their clients first.
    public func stop() async { try? await loops.shutdownGracefully() }

    /// Loops shared by all who bring none of their own.
    public static let shared = ClientGroup()
}
