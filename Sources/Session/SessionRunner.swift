public import Analysis
import Detectors
import Foundation
public import Observations
import Recording
import Synchronization

/// What a session came to.
public struct SessionOutcome: Sendable {
    /// The whole report, drawn up from the recording.
    public var report: ReportDocument
    /// Why observing ended.
    public var end: SessionEnd
}

/// Runs one session: probe, recorder, live detectors, report. The same for attach, replay, run, gate and demo.
///
/// Everything is recorded as it is seen; the live detectors judge twice a second and each finding is told once, the moment
/// it stands. The report is drawn up from the recording, so that `loopscope report` gives the same.
public struct SessionRunner: Sendable {
    /// Where the recording goes; `nil` for a file that is removed afterwards.
    public var save: String?
    /// Whether an existing recording may be replaced.
    public var replacing: Bool
    /// How often the live detectors judge.
    public var judgeEvery: Duration
    /// Told of each finding once, when it first stands. Called from any thread.
    public var onFinding: @Sendable (Finding) -> Void

    /// A runner.
    public init(
        save: String? = nil, replacing: Bool = false, judgeEvery: Duration = .milliseconds(500),
        onFinding: @escaping @Sendable (Finding) -> Void = { _ in }
    ) {
        self.save = save
        self.replacing = replacing
        self.judgeEvery = judgeEvery
        self.onFinding = onFinding
    }

    /// Observes with `probe` while `body` runs, then draws up the report.
    ///
    /// - Parameter body: the time of the session: a scenario, a wait. It may record too (phases, client events). When it
    ///   returns the session has finished; when this task is cancelled the session was interrupted.
    /// - Throws: `RecordingError`; what the probe throws before anything was seen; what `body` throws.
    public func run(
        _ probe: some Probe, while body: @escaping @Sendable (LiveSession) async throws -> Void
    ) async throws -> SessionOutcome {
        guard let save else {
            let temporary = TemporaryRecording()
            defer { temporary.remove() }
            return try await run(probe, at: temporary.path, while: body)
        }
        return try await run(probe, at: save, while: body)
    }

    private func run(
        _ probe: some Probe, at path: String, while body: @escaping @Sendable (LiveSession) async throws -> Void
    ) async throws -> SessionOutcome {
        let writer = try RecordingWriter(path: path, replacing: replacing)
        let live = LiveLog()
        let sink = Tee(sinks: [writer, live])
        do {
            let sources = SourceCollector()
            let end = try await observe(probe, into: sink, live: live, sources, while: body)
            // What stood too late to be told live is worth its lines too.
            if let evidence = try? Evidence(live.snapshot) {
                sink.record(sources.collect(for: Catalogue.judge(evidence).findings, evidence).map(Observation.source))
            }
            sink.record([.end(end)])
            try writer.finish()
            return SessionOutcome(report: try Self.report(of: try Recording(path: path)), end: end)
        } catch {
            try? writer.finish()  // the first error is the one to tell
            throw error
        }
    }

    /// Draws up the report of a recorded session.
    public static func report(of source: some ObservationSource) throws -> ReportDocument {
        try ReportDocument(source, judge: Catalogue.judge)
    }

    /// Judges what has been seen so far.
    static func judge(_ evidence: Evidence) -> Judgement { Catalogue.judge(evidence) }

    private enum Part: Sendable {
        case probe(SessionEnd)
        case body
    }

    private func observe(
        _ probe: some Probe, into sink: any ObservationSink, live: LiveLog, _ sources: SourceCollector,
        while body: @escaping @Sendable (LiveSession) async throws -> Void
    ) async throws -> SessionEnd {
        let judge = Task { await judgeContinuously(live, into: sink, sources) }
        defer { judge.cancel() }
        return try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask { .probe(try await probe.observe(into: sink)) }
            group.addTask {
                // A body that is cancelled in its sleep has been interrupted, and not failed: its report is still to come.
                do { try await body(LiveSession(sink, live)) } catch is CancellationError where Task.isCancelled {}
                return .body
            }
            var finished = false
            while let part = try await group.next() {
                switch part {
                case .probe(var end):
                    group.cancelAll()
                    if finished, end.reason == .interrupted { end.reason = .finished }
                    // A launched server is ended with the session: its exit is not why the session ended.
                    if Task.isCancelled { end.reason = .interrupted }
                    return end
                case .body:
                    // A cancelled body may return early too: then the session was interrupted.
                    finished = !Task.isCancelled
                    group.cancelAll()
                }
            }
            throw CancellationError()
        }
    }

    /// How long a session is judged at its full cadence: whoever attaches wants a verdict. Later half of it does.
    private static let eager = Duration.seconds(10)

    private func judgeContinuously(
        _ live: LiveLog, into sink: any ObservationSink, _ sources: SourceCollector
    ) async {
        var told: Set<String> = []
        let begun = ContinuousClock.now
        func pause() -> Duration { ContinuousClock.now - begun < Self.eager ? judgeEvery : judgeEvery * 2 }
        while (try? await Task.sleep(for: pause())) != nil {  // the cadence of judging, ended by cancellation
            guard let evidence = try? Evidence(live.snapshot) else { continue }
            for var finding in Catalogue.judge(evidence).findings {
                let key = "\(finding.code) \(finding.consumer ?? "") \(finding.location?.function ?? "")"
                guard told.insert(key).inserted else { continue }
                let excerpts = sources.collect(for: [finding], evidence)
                sink.record(excerpts.map(Observation.source))
                finding.source = finding.source ?? excerpts.first
                onFinding(finding)
            }
        }
    }
}
