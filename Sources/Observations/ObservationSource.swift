/// Observations that can be asked for by kind: a recording, or a log in memory.
///
/// Analysis reads this and never a database. Each kind comes in the order of its time.
public protocol ObservationSource {
    /// The session's start; `nil` when nothing was recorded.
    func start() throws -> SessionStart?
    /// The session's end; `nil` when the recorder was killed.
    func end() throws -> SessionEnd?
    /// The time of the last observation.
    func lastMoment() throws -> Moment?
    /// Stacks, those alike (same thread, activity, stack, consumer and task) added up, heaviest first.
    func stacks() throws -> [StackSample]
    /// Loop windows.
    func loops() throws -> [LoopWindow]
    /// Blocks of loops.
    func blocks() throws -> [LoopBlock]
    /// Dispatch windows.
    func dispatchWindows() throws -> [DispatchWindow]
    /// Single dispatches.
    func dispatches() throws -> [DispatchEvent]
    /// Swallowed stops.
    func swallowedStops() throws -> [SwallowedStop]
    /// Connection steps.
    func connections() throws -> [ConnectionEvent]
    /// Consumer windows.
    func consumerWindows() throws -> [ConsumerWindow]
    /// Connection censuses.
    func connectionCensuses() throws -> [ConnectionCensus]
    /// Task censuses.
    func taskCensuses() throws -> [TaskCensus]
    /// Type censuses.
    func typeCensuses() throws -> [TypeCensus]
    /// Methods of consumer classes.
    func methods() throws -> [ConsumerMethod]
    /// Process samples.
    func processes() throws -> [ProcessSample]
    /// Layer events.
    func layerEvents() throws -> [LayerEvent]
    /// Bridge events.
    func bridgeEvents() throws -> [BridgeEvent]
    /// Censuses of sync bridges.
    func bridgeCensuses() throws -> [BridgeCensus]
    /// Excerpts of source files.
    func sources() throws -> [SourceExcerpt]
    /// Client events.
    func clientEvents() throws -> [ClientEvent]
    /// Sum of all sample counts.
    func quality() throws -> SampleQuality
    /// Sum of all that was done to the target.
    func impact() throws -> Impact
    /// Notes.
    func notes() throws -> [ProbeNote]
    /// Phases.
    func phases() throws -> [PhaseMark]
}
