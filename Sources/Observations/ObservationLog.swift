/// A session in memory: the source that tests and live detectors read.
public struct ObservationLog: ObservationSource, Sendable {
    private var entries: [Observation]

    /// A log of these observations, in the order they were made.
    public init(_ observations: [Observation] = []) { entries = observations }

    /// Adds observations made later.
    public mutating func append(_ observations: [Observation]) { entries += observations }

    /// Everything, in the order it was made.
    public var observations: [Observation] { entries }

    private func all<Value>(_ pick: (Observation) -> Value?) -> [Value] { entries.compactMap(pick) }

    /// The session's start.
    public func start() -> SessionStart? { all { if case .start(let value) = $0 { value } else { nil } }.first }
    /// The session's end.
    public func end() -> SessionEnd? { all { if case .end(let value) = $0 { value } else { nil } }.last }
    /// The time of the last observation.
    public func lastMoment() -> Moment? { entries.compactMap(\.time).max() }
    /// Stacks, those alike added up, heaviest first.
    public func stacks() -> [StackSample] {
        StackSample.merged(all { if case .stack(let value) = $0 { value } else { nil } })
    }
    /// Loop windows.
    public func loops() -> [LoopWindow] { all { if case .loop(let value) = $0 { value } else { nil } } }
    /// Blocks of loops.
    public func blocks() -> [LoopBlock] { all { if case .block(let value) = $0 { value } else { nil } } }
    /// Dispatch windows.
    public func dispatchWindows() -> [DispatchWindow] {
        all { if case .dispatches(let value) = $0 { value } else { nil } }
    }
    /// Single dispatches.
    public func dispatches() -> [DispatchEvent] { all { if case .dispatch(let value) = $0 { value } else { nil } } }
    /// Swallowed stops.
    public func swallowedStops() -> [SwallowedStop] {
        all { if case .swallowed(let value) = $0 { value } else { nil } }
    }
    /// Connection steps.
    public func connections() -> [ConnectionEvent] {
        all { if case .connection(let value) = $0 { value } else { nil } }
    }
    /// Consumer windows.
    public func consumerWindows() -> [ConsumerWindow] {
        all { if case .consumer(let value) = $0 { value } else { nil } }
    }
    /// Connection censuses.
    public func connectionCensuses() -> [ConnectionCensus] {
        all { if case .connections(let value) = $0 { value } else { nil } }
    }
    /// Task censuses.
    public func taskCensuses() -> [TaskCensus] { all { if case .tasks(let value) = $0 { value } else { nil } } }
    /// Type censuses.
    public func typeCensuses() -> [TypeCensus] { all { if case .types(let value) = $0 { value } else { nil } } }
    /// Methods of consumer classes.
    public func methods() -> [ConsumerMethod] { all { if case .method(let value) = $0 { value } else { nil } } }
    /// Process samples.
    public func processes() -> [ProcessSample] { all { if case .process(let value) = $0 { value } else { nil } } }
    /// Layer events.
    public func layerEvents() -> [LayerEvent] { all { if case .layer(let value) = $0 { value } else { nil } } }
    /// Bridge events.
    public func bridgeEvents() -> [BridgeEvent] { all { if case .bridge(let value) = $0 { value } else { nil } } }
    /// Censuses of sync bridges.
    public func bridgeCensuses() -> [BridgeCensus] {
        all { if case .bridges(let value) = $0 { value } else { nil } }
    }
    /// Excerpts of source files.
    public func sources() -> [SourceExcerpt] { all { if case .source(let value) = $0 { value } else { nil } } }
    /// Client events.
    public func clientEvents() -> [ClientEvent] { all { if case .client(let value) = $0 { value } else { nil } } }
    /// Sum of all sample counts.
    public func quality() -> SampleQuality {
        all { if case .quality(let value) = $0 { value } else { nil } }.reduce(into: SampleQuality()) { $0 += $1 }
    }
    /// Sum of all that was done to the target.
    public func impact() -> Impact {
        all { if case .impact(let value) = $0 { value } else { nil } }.reduce(into: Impact()) { $0 += $1 }
    }
    /// Notes.
    public func notes() -> [ProbeNote] { all { if case .note(let value) = $0 { value } else { nil } } }
    /// Phases.
    public func phases() -> [PhaseMark] { all { if case .phase(let value) = $0 { value } else { nil } } }
}

extension StackSample {
    /// What makes two samples alike: everything but time, count and weight.
    public struct Likeness: Hashable, Sendable {
        let pid: Int32
        let tid: Int32
        let thread: String
        let activity: Activity
        let holdsGIL: Bool?
        let stack: StackTrace
        let consumer: String?
        let task: String?
    }

    /// What this sample may be added up by.
    public var likeness: Likeness {
        Likeness(
            pid: pid, tid: tid, thread: thread, activity: activity, holdsGIL: holdsGIL, stack: stack,
            consumer: consumer, task: task)
    }

    /// Adds up those alike, heaviest first; ties keep the order in which they were first seen.
    public static func merged(_ samples: [StackSample]) -> [StackSample] {
        var places: [Likeness: Int] = [:]
        var sums: [StackSample] = []
        for sample in samples {
            if let place = places[sample.likeness] {
                sums[place].count += sample.count
                sums[place].weight = sums[place].weight + sample.weight
                sums[place].time = max(sums[place].time, sample.time)
            } else {
                places[sample.likeness] = sums.count
                sums.append(sample)
            }
        }
        return sums.enumerated().sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
            .map(\.element)
    }
}

extension Observation {
    /// When it was made, if it says.
    public var time: Moment? {
        switch self {
        case .start(let value): value.time
        case .stack(let value): value.time
        case .loop(let value): value.start + value.length
        case .block(let value): value.since + value.length
        case .dispatches(let value): value.start + value.length
        case .dispatch(let value): value.time + value.duration
        case .swallowed(let value): value.time
        case .connection(let value): value.time
        case .consumer(let value): value.start + value.length
        case .connections(let value): value.time
        case .tasks(let value): value.time
        case .types(let value): value.time
        case .method(let value): value.time
        case .process(let value): value.time
        case .layer(let value): value.time
        case .bridge(let value): value.time
        case .bridges(let value): value.time
        case .source(let value): value.time
        case .client(let value): value.time
        case .note(let value): value.time
        case .phase(let value): value.time
        case .end(let value): value.time
        case .quality, .impact: nil
        }
    }
}
