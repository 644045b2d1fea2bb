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
    /// Tasks created a second in each process, by the numbers in their default names (`Task-6315`); where there are some.
    public var tasksPerSecond: [Int32: Double]
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
        tasksPerSecond = TaskCensus.creationRates(taskCensuses)
        ledger.addRates(tasksPerSecond, of: outliving, in: connectionCensuses)
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

extension TaskCensus {
    /// The greatest number in a default task name: asyncio numbers tasks as it creates them.
    var newestNumber: Int? {
        groups.compactMap { group in
            guard let name = group.example, name.hasPrefix("Task-") else { return nil }
            return Int(name.dropFirst(5))
        }.max()
    }

    /// Tasks created a second in each process: the middle one of the rates between one census and the next, by the time
    /// between them. A census that met none of the newest tasks, or a name that was being written, makes two rates wrong,
    /// and none of the others.
    static func creationRates(_ censuses: [TaskCensus]) -> [Int32: Double] {
        Dictionary(grouping: censuses, by: \.pid).compactMapValues { mine in
            let numbered = rising(
                mine.compactMap { census in census.newestNumber.map { (census.time, $0) } }.suffix(512))
            let steps = zip(numbered, numbered.dropFirst()).compactMap {
                before, after -> (rate: Double, weight: Double)? in
                let seconds = (after.0 - before.0).seconds
                guard seconds > 0, after.1 >= before.1 else { return nil }
                return (Double(after.1 - before.1) / seconds, seconds)
            }
            return weightedMedian(steps)
        }
    }

    /// The longest part of them whose numbers grow: a census that met none of the newest tasks is not in it, nor one that met
    /// a number too great.
    private static func rising(_ points: ArraySlice<(Moment, Int)>) -> [(Moment, Int)] {
        var chains: [[(Moment, Int)]] = []
        for point in points {
            let before = chains.filter { ($0.last?.1 ?? 0) < point.1 }.max { $0.count < $1.count } ?? []
            chains.append(before + [point])
        }
        return chains.max { $0.count < $1.count } ?? []
    }

    /// The least value at which half of the weight is reached; `nil` of none.
    private static func weightedMedian(_ values: [(rate: Double, weight: Double)]) -> Double? {
        let half = values.reduce(0) { $0 + $1.weight } / 2
        var sum = 0.0
        return values.sorted { $0.rate < $1.rate }.first {
            sum += $0.weight
            return sum >= half
        }?.rate
    }
}
