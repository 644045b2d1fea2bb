public import Instruments
public import Observations

/// Observes the embedded runtime in this process. Everything is counted, nothing sampled: grade exact.
///
/// What `InstrumentProbe` does, and more: it locates swallowed stops, watches the heartbeats and takes the native stack of a
/// loop that has missed its own.
public final class EmbeddedProbe: Probe {
    /// Takes the native stack of a thread of this process, outermost frame first; `nil` where it cannot be had.
    public typealias StackCapture = @Sendable (_ thread: Int32) -> StackTrace?

    private let instrument: Instrument
    private let counts: InstrumentProbe
    private let captureStack: StackCapture?

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
        counts = InstrumentProbe(instrument, description: description, tool: tool)
        self.captureStack = captureStack
    }

    /// Observes until the task is cancelled.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        let watchdog = Watchdog(instrument: instrument, sink: sink, captureStack: captureStack)
        let swallows = StopLocator(instrument: instrument)
        watchdog.start()
        // Reading symbols can take seconds: no census waits for it.
        let locating = Task.detached {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                swallows.locateNew()
            }
        }
        let end = await counts.observe(into: sink) {
            locating.cancel()
            await locating.value
            watchdog.stop()
        }
        return end
    }

    /// Asks each loop for the window under way, so that everything up to now has been recorded.
    public func flush() async { await counts.flush() }

    /// Takes a census of connections and tasks and records it. Loops that do not answer within a second are left out,
    /// with a note.
    public func census() async { await counts.census() }
}
