import Clocks
@preconcurrency import Glibc
import NIOCore
import NIOPosix
public import Observations
import Synchronization

/// Observes another process through its observation socket: what it counts of itself, exactly, while it keeps serving.
public final class StreamProbe: Probe {
    private let pid: Int32
    private let description: String
    private let tool: String
    private let now: @Sendable () -> Moment
    private let descriptor: Mutex<Int32?>

    /// A probe of the process at the other end.
    ///
    /// - Parameters:
    ///   - tool: the tool's version.
    ///   - now: the clock of the observed process too: CLOCK_MONOTONIC.
    public init(_ stream: consuming ObservationStream, tool: String, now: @escaping @Sendable () -> Moment) {
        pid = stream.pid
        description = stream.description
        self.tool = tool
        self.now = now
        descriptor = Mutex(stream.take())
    }

    deinit { if let left = descriptor.withLock({ $0 }) { close(left) } }

    /// Observes until the process says that it ends, dies, or the task is cancelled. Once.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        guard let socket = descriptor.withLock({ $0.take() }) else { throw ObservationStream.Failure.stale }
        sink.record([
            .start(
                SessionStart(
                    time: now(), wallClock: WallClock.now(), kind: .embedded,
                    description: description, pid: pid, grade: .exact, tool: tool))
        ])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let reader = StreamReader(pid: pid, sink: sink, now: now)
        do {
            let channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(reader) }
                }
                .withConnectedSocket(socket).get()
            await withTaskCancellationHandler {
                try? await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            try? await group.shutdownGracefully()
            return SessionEnd(time: now(), reason: .failed, detail: "\(error)".plain())
        }
        try? await group.shutdownGracefully()
        if let note = reader.note { sink.record([note]) }
        return Task.isCancelled ? SessionEnd(time: now(), reason: .interrupted) : reader.end
    }
}

/// Reads lines and records what is believed of them. On its loop's thread, and read by others when that has ended;
/// `@unchecked Sendable` for that.
private final class StreamReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// Lines that may be refused before the process is given up: it speaks something else.
    private static let refusedLimit = 10_000

    private let pid: Int32
    private let sink: any ObservationSink
    private let now: @Sendable () -> Moment
    private var lines = LineCutter(limit: Wire.lineLimit)
    private var refused = 0
    private var stated: SessionEnd?
    private var broken: String?

    init(pid: Int32, sink: any ObservationSink, now: @escaping @Sendable () -> Moment) {
        self.pid = pid
        self.sink = sink
        self.now = now
    }

    /// Why it ended, when nobody asked for it.
    var end: SessionEnd {
        if let stated { return stated }
        if let broken { return SessionEnd(time: now(), reason: .failed, detail: broken) }
        return SessionEnd(
            time: now(), reason: .targetExited,
            detail:
                "its observations ended in mid-stream: it was killed, or crashed; what was seen until then is recorded")
    }

    /// What was not believed.
    var note: Observation? {
        guard refused > 0 else { return nil }
        let text = "\(refused) lines of process \(pid) were not understood, or not believed, and are left out"
        return .note(ProbeNote(time: now(), pid: pid, text: text))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let trust = Trust(pid: pid, now: now())
        var observations: [Observation] = []
        do throws(LineCutter.TooLong) {
            try lines.take(unwrapInboundIn(data).readableBytesView) { line in
                guard let observation = Wire.value(Observation.self, of: line) else { return refused += 1 }
                switch observation {
                case .start: break  // ours says the same
                case .end(let end) where end.reason == .targetExited:
                    stated = SessionEnd(time: now(), reason: .targetExited, detail: end.detail?.plain(limit: 200))
                default:
                    if let believed = trust.believed(observation) {
                        observations.append(believed)
                    } else {
                        refused += 1
                    }
                }
            }
        } catch {
            broken = "it sent a line longer than \(Wire.lineLimit >> 20) MB"
        }
        if !observations.isEmpty { sink.record(observations) }
        if refused > Self.refusedLimit { broken = "it sends what is no observation" }
        if broken != nil { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
