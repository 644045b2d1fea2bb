import Clocks
public import Observations
import Synchronization

/// Observes what an instrument of this process counts. Everything is counted, nothing sampled: grade exact.
///
/// Loops hand over their windows themselves; a census is taken each second.
public struct InstrumentProbe: Probe {
    private let instrument: Instrument
    private let description: String
    private let tool: String

    /// A probe of what `instrument` counts.
    ///
    /// - Parameters:
    ///   - description: the target, for a person.
    ///   - tool: the tool's version.
    public init(_ instrument: Instrument, description: String, tool: String = "") {
        self.instrument = instrument
        self.description = description
        self.tool = tool
    }

    /// Observes until the task is cancelled.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        await observe(into: sink) {}
    }

    /// Observes until the task is cancelled, with something to do before the last census.
    package func observe(
        into sink: any ObservationSink, atEnd: @escaping @Sendable () async -> Void
    ) async -> SessionEnd {
        let gate = GatedSink(sink)
        gate.record([
            .start(
                SessionStart(
                    time: Moment.now(), wallClock: WallClock.now(), kind: .embedded, description: description,
                    pid: instrument.pid, grade: .exact, tool: tool))
        ])
        let id = instrument.attach(gate)
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            guard !Task.isCancelled else { break }
            await census(into: gate)
        }
        // The task is cancelled: what is left to do runs in one that is not.
        return await Task.detached {
            await flush()
            await atEnd()
            await census(into: gate)
            instrument.detach(id)
            let end = SessionEnd(time: Moment.now(), reason: .interrupted)
            gate.close()
            return end
        }.value
    }

    /// Asks each loop for the window under way, so that everything up to now has been recorded.
    public func flush() async {
        for loop in instrument.loops { await loop.flushNow() }
        instrument.tellLayerEvents()
    }

    /// Takes a census of connections and tasks and gives it to all who observe. Loops that do not answer within a second
    /// are left out, with a note.
    public func census() async {
        instrument.tellLayerEvents()
        instrument.tell(await Census.take(of: instrument).observations)
    }

    private func census(into sink: any ObservationSink) async {
        instrument.tellLayerEvents()
        sink.record(await Census.take(of: instrument).observations)
    }
}

/// Lets nothing through any more once it is closed: a loop learns only with its next turn that nobody observes it.
private final class GatedSink: ObservationSink {
    private let sink: Mutex<(any ObservationSink)?>

    init(_ sink: any ObservationSink) { self.sink = Mutex(sink) }

    func record(_ observations: [Observation]) { sink.withLock { $0 }?.record(observations) }

    func close() { sink.withLock { $0 = nil } }
}
