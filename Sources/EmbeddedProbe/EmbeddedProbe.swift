public import ConsumerRuntime
public import Observations
import Synchronization

/// Observes the embedded runtime in this process. Everything is counted, nothing sampled: grade exact.
///
/// Loops hand over their windows themselves; the probe's own thread takes a census each second, locates swallowed stops,
/// watches the heartbeats and takes the native stack of a loop that has missed its own.
public final class EmbeddedProbe: Probe {
    /// Takes the native stack of a thread of this process, outermost frame first; `nil` where it cannot be had.
    public typealias StackCapture = @Sendable (_ thread: Int32) -> StackTrace?

    private let instrument: Instrument
    private let description: String
    private let tool: String
    private let captureStack: StackCapture?
    private let sink = Mutex<(any ObservationSink)?>(nil)

    /// A probe of what `instrument` counts.
    ///
    /// - Parameters:
    ///   - description: the target, for a person.
    ///   - tool: the tool's version.
    ///   - captureStack: how to take the stack of a blocked loop.
    public init(
        _ instrument: Instrument, description: String = "embedded runtime", tool: String = "",
        captureStack: StackCapture? = nil
    ) {
        self.instrument = instrument
        self.description = description
        self.tool = tool
        self.captureStack = captureStack
    }

    /// Observes until the task is cancelled.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        begin(into: sink)
        let watchdog = Watchdog(instrument: instrument, sink: sink, captureStack: captureStack)
        let swallows = StopLocator(instrument: instrument, sink: sink)
        watchdog.start()
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            guard !Task.isCancelled else { break }
            swallows.locateNew()
            await census()
        }
        return await finish(watchdog, swallows)
    }

    private func begin(into sink: any ObservationSink) {
        let start = SessionStart(
            time: Clock.now(), wallClock: Clock.wall(), kind: .embedded, description: description, pid: instrument.pid,
            grade: .exact, tool: tool)
        sink.record([.start(start)])
        self.sink.withLock { $0 = sink }
        instrument.attach(sink)
    }

    private func finish(_ watchdog: Watchdog, _ swallows: StopLocator) async -> SessionEnd {
        // The task is cancelled: what is left to do runs in one that is not.
        await Task.detached { [self] in
            await flush()
            swallows.locateNew()
            await census()
            watchdog.stop()
        }.value
        let end = SessionEnd(time: Clock.now(), reason: .interrupted)
        sink.withLock { $0 = nil }
        instrument.detach()
        return end
    }

    /// Asks each loop for the window under way, so that everything up to now has been recorded.
    public func flush() async {
        for loop in instrument.loops { await loop.flushNow() }
        let events = instrument.takeLayerEvents()
        if !events.isEmpty { record(events.map { .layer($0) }) }
    }

    /// Takes a census of connections and tasks and records it. Loops that do not answer within a second are left out,
    /// with a note.
    public func census() async {
        let census = await Census.take(of: instrument)
        let events = instrument.takeLayerEvents()
        record(census.observations + events.map { .layer($0) })
    }

    private func record(_ observations: [Observation]) {
        self.sink.withLock { $0 }?.record(observations)
    }
}
