public import Observations

extension Recording {
    /// The session's start.
    public func start() throws -> SessionStart? { try read { try $0.all(SessionStart.self).first } }

    /// The session's end; `nil` when the recorder was killed.
    public func end() throws -> SessionEnd? { try read { try $0.all(SessionEnd.self).last } }

    /// The time of the last observation.
    public func lastMoment() throws -> Moment? {
        try read { try $0.integers("SELECT last_moment_ns FROM recording").first?.map(Moment.init(nanoseconds:)) }
    }

    /// Stacks, those alike added up, heaviest first.
    ///
    /// The view `stack_sums` adds up those alike, most of them from sums that the writer stored; two of its rows are
    /// alike only when the writer had to forget the first, and are added here.
    public func stacks() throws -> [StackSample] {
        StackSample.merged(try read { try $0.all(StackSample.self) })
    }

    /// Loop windows.
    public func loops() throws -> [LoopWindow] { try read { try $0.all() } }

    /// Blocks of loops.
    public func blocks() throws -> [LoopBlock] { try read { try $0.all() } }

    /// Dispatch windows.
    public func dispatchWindows() throws -> [DispatchWindow] { try read { try $0.all() } }

    /// Single dispatches.
    public func dispatches() throws -> [DispatchEvent] { try read { try $0.all() } }

    /// Swallowed stops.
    public func swallowedStops() throws -> [SwallowedStop] { try read { try $0.all() } }

    /// Connection steps.
    public func connections() throws -> [ConnectionEvent] { try read { try $0.all() } }

    /// Consumer windows.
    public func consumerWindows() throws -> [ConsumerWindow] { try read { try $0.all() } }

    /// Connection censuses.
    public func connectionCensuses() throws -> [ConnectionCensus] { try read { try $0.all() } }

    /// Task censuses.
    public func taskCensuses() throws -> [TaskCensus] { try read { try $0.all() } }

    /// Type censuses.
    public func typeCensuses() throws -> [TypeCensus] { try read { try $0.all() } }

    /// Methods of consumer classes.
    public func methods() throws -> [ConsumerMethod] { try read { try $0.all() } }

    /// Process samples.
    public func processes() throws -> [ProcessSample] { try read { try $0.all() } }

    /// Layer events.
    public func layerEvents() throws -> [LayerEvent] { try read { try $0.all() } }

    /// Bridge events.
    public func bridgeEvents() throws -> [BridgeEvent] { try read { try $0.all() } }

    /// Censuses of sync bridges.
    public func bridgeCensuses() throws -> [BridgeCensus] { try read { try $0.all() } }

    /// Excerpts of source files.
    public func sources() throws -> [SourceExcerpt] { try read { try $0.all() } }

    /// Client events.
    public func clientEvents() throws -> [ClientEvent] { try read { try $0.all() } }

    /// Sum of all sample counts.
    public func quality() throws -> SampleQuality {
        let sums = try read {
            try $0.integers("SELECT sum(taken), sum(retried), sum(lost), sum(torn) FROM sample_quality")
        }.map { Int($0 ?? 0) }
        return SampleQuality(taken: sums[0], retried: sums[1], lost: sums[2], torn: sums[3])
    }

    /// Sum of all that was done to the target.
    public func impact() throws -> Impact {
        let sums = try read {
            try $0.integers("SELECT sum(writes), sum(stops), sum(bytes_read), sum(observer_cpu_ns) FROM impact")
        }.map { $0 ?? 0 }
        return Impact(
            writes: Int(sums[0]), stops: Int(sums[1]), bytesRead: Int(sums[2]), observerCPU: Nanoseconds(sums[3]))
    }

    /// Notes.
    public func notes() throws -> [ProbeNote] { try read { try $0.all() } }

    /// Phases.
    public func phases() throws -> [PhaseMark] { try read { try $0.all() } }
}
