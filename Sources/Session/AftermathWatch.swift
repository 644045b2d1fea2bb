import Clocks
public import Launcher
public import Observations

/// Watches what a launched server does once its last client has gone: whether it takes a processor, what its log says, and
/// how long it needs to end when it is told to. Nothing of its memory is read.
public struct AftermathWatch: Sendable {
    private let server: LaunchedServer
    private let patience: Duration
    private let cancels: Duration?
    private let unvisited: Nanoseconds?

    /// A watch.
    ///
    /// - Parameters:
    ///   - server: ours to end.
    ///   - patience: how long it may take to end.
    ///   - cancels: how long after its connection the server cancels an application and says so; `nil` when it never does.
    ///   - unvisited: how long a launch that nobody had visited took to end.
    public init(_ server: LaunchedServer, patience: Duration, cancels: Duration?, unvisited: Nanoseconds?) {
        (self.server, self.patience, self.cancels, self.unvisited) = (server, patience, cancels, unvisited)
    }

    /// How long the CPU of a server without clients is watched.
    private static let idle = Duration.milliseconds(1500)

    /// Watches until the server has ended, or may no longer take.
    ///
    /// - Throws: `CancellationError`.
    func watch(connections: Int, _ session: LiveSession) async throws {
        func record(_ kind: ClientEvent.Kind, latency: Nanoseconds? = nil, count: Int = 1) {
            session.record([
                .client(
                    ClientEvent(
                        time: .now(), client: 0, phase: Self.phase, kind: kind, latency: latency, count: count))
            ])
        }
        session.record([.phase(PhaseMark(time: .now(), name: Self.phase))])
        record(.allGone, count: connections)
        if let unvisited { record(.unvisitedExited, latency: unvisited) }
        let clock = ContinuousClock()
        let deadline = clock.now + max(Self.idle, cancels.map { $0 + .seconds(2) } ?? .zero)
        repeat {
            // The time over which CPU is a difference, and in which the log is looked at again.
            try await Task.sleep(for: Self.idle)
        } while cancelled == 0 && clock.now < deadline
        if cancelled > 0 { record(.cancelled, count: cancelled) }
        guard server.isRunning else { return }
        let told = Moment.now()
        record(.terminated)
        server.terminate()
        let limit = clock.now + patience
        // How finely its end is timed. Whoever watches the process may notice first, and cancel this.
        while server.isRunning, clock.now < limit, (try? await Task.sleep(for: .milliseconds(5))) != nil {}
        let length = Moment.now() - told
        if !server.isRunning {
            record(.exited, latency: length)
        } else if clock.now >= limit {
            record(.stayed, latency: length)
        }
    }

    /// The phase that is not in the scenario.
    static let phase = "after the last client"

    /// Applications that the log says were cancelled: daphne's words, `daphne/server.py` 4.2.
    private var cancelled: Int {
        server.log.lines.count { $0.contains("took too long to shut down and was killed") }
    }
}
