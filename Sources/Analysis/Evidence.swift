public import Observations

/// Everything detectors look at: the ledger, the census and the profile of one session, drawn up once.
public struct Evidence: Sendable {
    /// The session's start.
    public var start: SessionStart?
    /// The session's end; `nil` while it is live.
    public var end: SessionEnd?
    /// From the start to the last observation.
    public var duration: Nanoseconds
    /// The time of the last observation.
    public var now: Moment
    /// The accounts per consumer class.
    public var ledger: Ledger
    /// Loops, busiest first.
    public var loops: [LoopSummary]
    /// Processes, busiest first.
    public var processes: [ProcessSummary]
    /// Consumers that have outlived their disconnect.
    public var outliving: [Outliving]
    /// Consumers inside their disconnect although their socket is gone.
    public var goodbyes: [Spell]
    /// Consumers inside a handler of another message although their socket is gone.
    public var deaf: [Spell]
    /// Consumers in no handler that have not been given the disconnect of a socket that is gone; exact evidence only.
    public var unheard: [Spell]
    /// Connections that clients of a scenario saw answered with 101 (`opened`) and end (`closed`): when, and how many.
    public var clientSteps: [(time: Moment, kind: ClientEvent.Kind, count: Int)]
    /// Consumers that have not answered their handshake.
    public var handshakes: [Spell]
    /// Consumers that only tasks of their own keep alive.
    public var orphans: [Spell]
    /// Tasks of the application's coroutines that belong to no consumer.
    public var crowds: [Crowd]
    /// Memberships without a member, in layers whose groups could be read.
    public var staleMembers: [StaleMembers]
    /// What the descriptors of each process did.
    public var descriptors: [DescriptorUse]
    /// What a launched server did after its last client; `nil` when it was not watched for that.
    public var aftermath: Aftermath?
    /// The methods of consumer classes.
    public var code: ConsumerCode
    /// Where the time went.
    public var profile: Profile
    /// All connection censuses.
    public var connectionCensuses: [ConnectionCensus]
    /// All task censuses.
    public var taskCensuses: [TaskCensus]
    /// The last task census of each process.
    public var tasks: [TaskCensus]
    /// Consumers that an error ended before their disconnect.
    public var failures: [Failure]
    /// Dispatch windows.
    public var dispatchWindows: [DispatchWindow]
    /// Where stops were swallowed, one per class.
    public var swallowed: [String: SwallowedStop]
    /// Where cancellations of their tasks were swallowed, one per class.
    public var cancellations: [String: SwallowedStop]
    /// Blocks of loops, each once, as long as it was seen at last.
    public var blocks: [LoopBlock]
    /// All stacks, those of waiting threads too, heaviest first.
    public var stacks: [StackSample]
    /// Censuses of sync bridges.
    public var bridgeCensuses: [BridgeCensus]
    /// Events of sync bridges.
    public var bridgeEvents: [BridgeEvent]
    /// Event loops made for single calls, by process.
    public var bridges: [BridgeLoad]
    /// Lines of source that may be shown.
    public var sources: [SourceExcerpt]
    /// Notes of the probe.
    public var notes: [ProbeNote]
    /// Quality of the samples.
    public var quality: SampleQuality
    /// What was done to the target.
    public var impact: Impact

    /// Draws up the evidence of a session.
    public init(_ source: some ObservationSource) throws {
        start = try source.start()
        end = try source.end()
        let begin = start?.time ?? Moment(nanoseconds: 0)
        now = max(begin, try source.lastMoment() ?? begin)
        duration = now - begin
        ledger = try Ledger(source)
        let windows = try source.loops()
        loops = LoopSummary.summaries(of: windows)
        let samples = try source.processes()
        aftermath = Aftermath.find(in: try source.clientEvents(), samples)
        processes = ProcessSummary.summaries(of: samples)
        descriptors = DescriptorUse.find(in: samples)
        connectionCensuses = try source.connectionCensuses()
        outliving = Outliving.find(in: connectionCensuses, loops: windows)
        stacks = try source.stacks()
        profile = Profile(stacks)
        taskCensuses = try source.taskCensuses()
        goodbyes = Spell.goodbyes(in: connectionCensuses)
        deaf = Spell.deaf(in: connectionCensuses)
        unheard = Spell.unheard(in: connectionCensuses)
        clientSteps = try source.clientEvents().filter { $0.kind == .opened || $0.kind == .closed }
            .map { ($0.time, $0.kind, $0.count) }
        handshakes = Spell.handshakes(in: connectionCensuses)
        orphans = Spell.orphans(in: connectionCensuses)
        staleMembers = StaleMembers.find(in: connectionCensuses)
        code = ConsumerCode(try source.methods())
        crowds = Crowd.find(in: taskCensuses)
        var lastTasks: [Int32: TaskCensus] = [:]
        for census in taskCensuses { lastTasks[census.pid] = census }
        ledger.addRates(of: outliving, in: connectionCensuses)
        tasks = lastTasks.values.sorted { $0.pid < $1.pid }
        dispatchWindows = try source.dispatchWindows()
        failures = Failure.find(connections: try source.connections(), dispatches: try source.dispatches())
        let caught = try source.swallowedStops()
        swallowed = Dictionary(
            caught.filter { $0.error == nil }.map { ($0.consumer, $0) }, uniquingKeysWith: { first, _ in first })
        cancellations = Dictionary(
            caught.filter { $0.error != nil }.map { ($0.consumer, $0) }, uniquingKeysWith: { first, _ in first })
        blocks = LoopBlock.whole(try source.blocks()).filter { !$0.isCrowd(in: windows) }
        bridgeCensuses = try source.bridgeCensuses()
        bridgeEvents = try source.bridgeEvents()
        bridges = BridgeLoad.loads(bridgeEvents, stacks, until: now)
        sources = try source.sources()
        notes = try source.notes()
        quality = try source.quality()
        impact = try source.impact()
    }

    /// Memberships of a class's instances that have ended, which they did not give back: exact evidence only.
    public func keptGroups(of consumer: String) -> Int? {
        guard let entry = ledger[consumer], let joined = entry.groupsJoined, let left = entry.groupsLeft else {
            return nil
        }
        let alive = connectionCensuses.last?.consumers.first { $0.consumer == consumer }?.groups ?? 0
        return max(0, joined - left - alive)
    }

    /// How many connections clients saw answered, or end, before a moment; `nil` without clients of ours.
    public func clients(_ kind: ClientEvent.Kind, before end: Moment) -> Int? {
        clientSteps.isEmpty
            ? nil : clientSteps.reduce(0) { $0 + ($1.kind == kind && $1.time <= end ? $1.count : 0) }
    }

    /// The code of `consumer` that decides over its end: where a stop was swallowed, or what it overrides.
    public func override(of consumer: String) -> CodeLocation? {
        if let stop = swallowed[consumer] { return stop.location }
        for census in connectionCensuses.reversed() {
            if let place = census.consumers.first(where: { $0.consumer == consumer })?.override { return place }
        }
        return nil
    }

    /// The server of a process, as its last census that recognized one saw it.
    public func server(of pid: Int32?) -> ServerState? {
        let states = connectionCensuses.filter { pid == nil || $0.pid == pid }.lazy.compactMap(\.server)
        guard var state = states.last else { return nil }
        // Who counts inside a server does not read its configuration: who reads its memory does.
        state.patience = state.patience ?? states.last { $0.patience != nil }?.patience
        state.grace = state.grace ?? states.last { $0.grace != nil }?.grace
        state.handshake = state.handshake ?? states.last { $0.handshake != nil }?.handshake
        return state
    }

    /// Share of one loop's time that dispatches of `consumer` after its disconnect took, and that loop; `nil` where they
    /// were not timed.
    public func cost(of consumer: String) -> (loop: String, percent: Double)? {
        let mine = dispatchWindows.filter { $0.consumer == consumer && $0.afterDisconnect > 0 }
        guard let last = mine.map({ $0.start + $0.length }).max() else { return nil }
        // The last second: a spin that began late is not averaged away.
        let recent = mine.filter { last - $0.start <= .seconds(1) }
        guard let begin = recent.map(\.start).min() else { return nil }
        var byLoop: [String: Nanoseconds] = [:]
        for window in recent { byLoop[window.loop, default: .zero] = byLoop[window.loop, default: .zero] + window.busy }
        // An agent counts dispatches and does not time them: no time is not no cost.
        guard let worst = byLoop.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), worst.value > .zero else {
            return nil
        }
        return (worst.key, min(100, worst.value.seconds / max((last - begin).seconds, 1e-9) * 100))
    }
}

extension LoopBlock {
    private struct Start: Hashable {
        let pid: Int32
        let loop: String
        let since: Moment
    }

    /// Whether it was a turn with very many short callbacks, and no single one that kept the loop: thousands of
    /// connections that close at once.
    func isCrowd(in windows: [LoopWindow]) -> Bool {
        guard samples != nil else { return false }
        let ready =
            windows.filter {
                $0.pid == pid && $0.loop == loop && $0.start <= since + length && $0.start + $0.length >= since
            }.compactMap(\.readyHandles).max() ?? 0
        return ready >= Self.crowd && length.count / Int64(ready) < Self.crowdedCallback.count
    }

    /// So many callbacks that were due, each shorter than this.
    private static let (crowd, crowdedCallback) = (100, Nanoseconds.milliseconds(2))

    /// Each block once: of those told again while they lasted, the longest.
    static func whole(_ blocks: [LoopBlock]) -> [LoopBlock] {
        var places: [Start: Int] = [:]
        var kept: [LoopBlock] = []
        for block in blocks {
            let start = Start(pid: block.pid, loop: block.loop, since: block.since)
            // A heartbeat's reports have always been apart.
            guard block.samples != nil, let place = places[start] else {
                places[start] = kept.count
                kept.append(block)
                continue
            }
            if block.length >= kept[place].length { kept[place] = block }
        }
        return kept
    }
}
