public import Clocks
import Glibc
public import Observations
public import RemoteProcess

/// Observes any process through /proc: what is known of a target of which nothing else is known.
public struct ProcessProbe: Probe {
    /// The process.
    public var pid: Int32
    /// Time between samples.
    public var interval: Duration
    /// Sockets are counted again after this many times the processor time that counting took, the kernel walking the table of the
    /// whole network namespace for it; or after `socketPause`, if that is sooner and costs no more than a four-hundredth.
    static let socketShare: Int64 = 1000
    /// A leak is told from a moment by what is seen over four seconds: that must not be one count, repeated.
    static let socketPause = Nanoseconds.seconds(2)

    private let proc: ProcFS
    private let tool: String
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Moment

    /// A probe of `pid`.
    ///
    /// - Parameters:
    ///   - tool: our own version, for the session's start.
    ///   - now: reads CLOCK_MONOTONIC.
    public init(
        pid: Int32, interval: Duration = .milliseconds(250), proc: ProcFS = ProcFS(), tool: String,
        clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Moment = Moment.now
    ) {
        self.pid = pid
        self.interval = interval
        self.proc = proc
        self.tool = tool
        self.clock = clock
        self.now = now
    }

    /// Samples until cancelled, or until the process ends or becomes another.
    ///
    /// - Throws: `ProcError` when there is no such process.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        var state = try State(ProcessSampler(pid: pid, proc: proc))
        let first = try state.sampler.sample(at: now())
        sink.record([.start(start(of: first)), .process(first)])
        _ = state.loops.windows(to: first, hasEpoll: state.sampler.hasEpoll)
        while true {
            do { try await clock.sleep(for: interval) } catch { return SessionEnd(time: now(), reason: .interrupted) }
            if let end = observeOnce(&state, into: sink) { return end }
        }
    }

    private struct State {
        let sampler: ProcessSampler
        var loops = LoopThreads()
        /// No sockets are counted before.
        var nextSockets = Moment(nanoseconds: .min)

        init(_ sampler: ProcessSampler) { self.sampler = sampler }
    }

    /// One sample; the end, when the process is not the one it was.
    private func observeOnce(_ state: inout State, into sink: any ObservationSink) -> SessionEnd? {
        let time = now()
        switch state.sampler.fate {
        case .same: break
        case .exited: return SessionEnd(time: time, reason: .targetExited)
        case .replaced: return SessionEnd(time: time, reason: .targetReplaced, detail: "it runs another program now")
        case .reused: return SessionEnd(time: time, reason: .targetReplaced, detail: "another process has its pid now")
        }
        let sockets = time >= state.nextSockets
        let before = Nanoseconds.threadCPU()
        guard let sample = try? state.sampler.sample(at: time, sockets: sockets) else {
            return SessionEnd(time: time, reason: .targetExited)
        }
        if sockets {
            // Not by the clock: on a crowded machine that would be mostly waiting.
            let cost = (Nanoseconds.threadCPU() - before).count
            let pause = min(cost * Self.socketShare, max(Self.socketPause.count, cost * 400))
            state.nextSockets = time + Nanoseconds(pause)
        }
        let windows = state.loops.windows(to: sample, hasEpoll: state.sampler.hasEpoll)
        sink.record([.process(sample)] + windows.map { .loop($0) })
        return nil
    }

    private func start(of sample: ProcessSample) -> SessionStart {
        SessionStart(
            time: sample.time, wallClock: WallClock.now(), kind: .process, description: sample.name, pid: pid,
            grade: .sampled, tool: tool)
    }
}
