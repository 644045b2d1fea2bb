/// Anything a probe can say. The one currency between probes and the rest of the house.
public enum Observation: Hashable, Sendable, Codable {
    /// The first of a session.
    case start(SessionStart)
    /// A stack, seen some times.
    case stack(StackSample)
    /// What a loop did in a window.
    case loop(LoopWindow)
    /// A loop that missed its heartbeat.
    case block(LoopBlock)
    /// Dispatches of a window.
    case dispatches(DispatchWindow)
    /// One dispatch in full.
    case dispatch(DispatchEvent)
    /// Where a stop was swallowed.
    case swallowed(SwallowedStop)
    /// A step in a connection's life.
    case connection(ConnectionEvent)
    /// Counters of a consumer class.
    case consumer(ConsumerWindow)
    /// Who is alive.
    case connections(ConnectionCensus)
    /// Which tasks are alive.
    case tasks(TaskCensus)
    /// Live objects per type.
    case types(TypeCensus)
    /// A method of a consumer class.
    case method(ConsumerMethod)
    /// A process as /proc shows it.
    case process(ProcessSample)
    /// An event of a channel layer.
    case layer(LayerEvent)
    /// An event of a sync bridge.
    case bridge(BridgeEvent)
    /// Which calls wait for the threads of a sync bridge.
    case bridges(BridgeCensus)
    /// Lines of a source file that a report may show.
    case source(SourceExcerpt)
    /// What a client saw.
    case client(ClientEvent)
    /// How good the samples were.
    case quality(SampleQuality)
    /// What observing did to the target.
    case impact(Impact)
    /// Something a person should know.
    case note(ProbeNote)
    /// A scenario's phase began.
    case phase(PhaseMark)
    /// The last of a session.
    case end(SessionEnd)
}
