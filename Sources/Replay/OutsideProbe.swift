import Clocks
import Glibc
public import Observations

/// A server of which only the clients' side is seen: no process, no memory. The grade is *outside*.
public struct OutsideProbe: Probe {
    private let endpoint: Endpoint
    private let tool: String

    /// A probe of whatever answers at `endpoint`.
    ///
    /// - Parameter tool: our own version, for the recording.
    public init(_ endpoint: Endpoint, tool: String) { (self.endpoint, self.tool) = (endpoint, tool) }

    /// Marks the start, then waits for the end: what there is to see, the clients record.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        let start = Moment.now()
        sink.record([
            .start(
                SessionStart(
                    time: start, wallClock: WallClock.now(), kind: .url,
                    description: "server at \(endpoint.authority), seen by its clients", grade: .outside, tool: tool))
        ])
        // Ended by cancellation, when the scenario is over.
        try? await Task.sleep(for: .seconds(1_000_000_000))
        return SessionEnd(time: .now(), reason: .interrupted)
    }
}
