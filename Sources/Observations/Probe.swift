/// Where a probe puts what it sees. Called from the probe's own thread or loop; never blocks, never throws.
public protocol ObservationSink: Sendable {
    /// Takes observations in the order they were made.
    func record(_ observations: [Observation])
}

/// Makes observations from one kind of target. A new kind of target is a new probe and nothing else.
public protocol Probe: Sendable {
    /// Observes until told to stop, the target ends, or an error makes it impossible to go on.
    ///
    /// The first observation is `.start`. The task's cancellation asks the probe to end: it then records what it holds
    /// and returns `.interrupted`.
    ///
    /// - Throws: only before anything was seen. Later failures are a reason to end.
    func observe(into sink: any ObservationSink) async throws -> SessionEnd
}
