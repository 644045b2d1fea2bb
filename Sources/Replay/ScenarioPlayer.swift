import Clocks
public import Observations
public import Scenarios
import NIOCore

/// Plays a scenario's clients against a server: phases in their order, clients at their times.
public struct ScenarioPlayer: Sendable {
    /// What is to be played.
    public let scenario: Scenario
    private let endpoint: Endpoint
    private let group: ClientGroup
    private let sink: any ObservationSink
    private let proxy: CuttingProxy?

    /// A player.
    ///
    /// - Parameters:
    ///   - group: the loops that clients run on.
    ///   - proxy: what stands between clients and server, for phases that cut.
    public init(
        _ scenario: Scenario, at endpoint: Endpoint, group: ClientGroup, into sink: any ObservationSink,
        through proxy: CuttingProxy? = nil
    ) {
        (self.scenario, self.group, self.sink, self.proxy) = (scenario, group, sink, proxy)
        self.endpoint = proxy?.endpoint(before: endpoint) ?? endpoint
    }

    /// Plays one phase to its end: until its time is over, or until its clients have ended.
    ///
    /// - Parameters:
    ///   - index: the phase's place in the scenario.
    ///   - isOver: ends the phase when it returns; cancelled when the phase ends otherwise.
    ///   - progress: told four times a second how things stand, and at the end of a phase that is broken off.
    /// - Throws: `CancellationError`, and what `isOver` throws. What fails in a client is in the tally.
    public func play(
        phase index: Int, until isOver: (@Sendable () async throws -> Void)? = nil,
        progress: @escaping @Sendable (ClientTally) -> Void = { _ in }
    ) async throws -> ClientTally {
        let phase = scenario.phases[index]
        sink.record([.phase(PhaseMark(time: .now(), name: phase.name))])
        let plan = Plan(phase, index: index, of: scenario)
        let stage = Stage(
            endpoint: endpoint, path: scenario.path, phase: phase.name, group: group, sink: sink,
            barriers: Barriers(plan.barriers), sources: SourceAddresses(for: plan.entries.count, to: endpoint))
        do {
            try await play(phase, plan, on: stage, until: isOver, progress: progress)
            try Task.checkCancellation()
        } catch {
            // Of a phase that is broken off, too, everything is told.
            progress(stage.tally)
            throw error
        }
        return stage.tally
    }

    private func play(
        _ phase: Phase, _ plan: Plan, on stage: Stage, until isOver: (@Sendable () async throws -> Void)?,
        progress: @escaping @Sendable (ClientTally) -> Void
    ) async throws {
        let start = Moment.now()
        let end = phase.duration.map { start + $0 }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Ends with the group; says how things stand meanwhile.
                let loop = group.eventLoops.next()
                while true {
                    try await loop.wait(until: .now() + .milliseconds(250))
                    progress(stage.tally)
                }
            }
            tasks.addTask {
                await play(plan, on: stage, from: start, until: end)
                throw PhaseOver()
            }
            if let end {
                tasks.addTask {
                    try await group.eventLoops.next().wait(until: end)
                    await stage.barriers.open()
                    throw PhaseOver()
                }
            }
            if let proxy, let cut = phase.cut {
                tasks.addTask {
                    try await group.eventLoops.next().wait(until: start + cut)
                    await proxy.cutAll()
                }
            }
            if let isOver {
                tasks.addTask {
                    try await isOver()
                    throw PhaseOver()
                }
            }
            var over: any Error = PhaseOver()
            do { while try await tasks.next() != nil {} } catch { over = error }
            // Whoever waits at a barrier is not woken by being cancelled.
            await stage.barriers.open()
            tasks.cancelAll()
            if !(over is PhaseOver) { throw over }
        }
    }

    private struct PhaseOver: Error {}

    /// All clients of a phase, each on a task of its own.
    private func play(_ plan: Plan, on stage: Stage, from start: Moment, until end: Moment?) async {
        let cast = Cast(scenario: scenario, plan: plan, stage: stage, start: start, end: end)
        await withTaskGroup(of: Void.self) { tasks in
            for index in plan.entries.indices {
                let executor = group.executors[index % group.executors.count]
                tasks.addTask(executorPreference: executor) { await cast.play(index, on: executor) }
            }
            if plan.isEmpty, let end { try? await group.eventLoops.next().wait(until: end) }
        }
    }
}

/// Who plays a phase. One for all its clients, whose tasks hold nothing but this and their number.
private final class Cast: Sendable {
    private let scenario: Scenario
    private let plan: Plan
    private let stage: Stage
    private let start: Moment
    private let end: Moment?

    init(scenario: Scenario, plan: Plan, stage: Stage, start: Moment, end: Moment?) {
        (self.scenario, self.plan, self.stage, self.start, self.end) = (scenario, plan, stage, start, end)
    }

    /// Plays one client, and those that follow it.
    func play(_ index: Int, on executor: LoopExecutor) async {
        let entry = plan.entries[index]
        var number = entry.number
        repeat {
            let due = number == entry.number ? start + entry.offset : Moment.now()
            let run = ClientRun(number: number, stage: stage, executor: executor, due: due, seed: scenario.seed)
            await run.play(scenario.clients[entry.client] ?? [])
            number += plan.entries.count
        } while plan.repeats && end != nil && !Task.isCancelled
        await stage.barriers.giveUp(scenario.barriers(of: entry.client))
    }
}

/// Who comes in a phase, and when: it follows from the scenario's seed.
struct Plan: Sendable {
    struct Entry: Sendable {
        var number: Int
        var client: String
        var offset: Nanoseconds
    }

    var entries: [Entry] = []
    /// Whether a client that ends is followed by another.
    var repeats = false
    /// How many come to each barrier.
    var barriers: [String: Int] = [:]

    var isEmpty: Bool { entries.isEmpty }

    init(_ phase: Phase, index: Int, of scenario: Scenario) {
        let barriersOf = scenario.clients.keys.reduce(into: [String: Set<String>]()) {
            $0[$1] = scenario.barriers(of: $1)
        }
        if case .visits(let visits) = phase.load {
            for (number, visit) in visits.enumerated() {
                entries.append(Entry(number: number, client: visit.client, offset: visit.offset))
                for name in barriersOf[visit.client] ?? [] { barriers[name, default: 0] += 1 }
            }
            return
        }
        // Streams above 2^32 are the phases'; those below are the clients'.
        var generator = SeededGenerator(seed: scenario.seed, stream: UInt64(index + 1) << 32)
        let offsets: [Nanoseconds]
        switch phase.load {
        case .none, .visits: offsets = []
        case .arrivals(let arrivals): offsets = arrivals.times(using: &generator)
        case .population(let count):
            offsets = Array(repeating: .zero, count: count)
            repeats = phase.duration != nil
        }
        let total = phase.clients.reduce(0) { $0 + $1.weight }
        for (number, offset) in offsets.enumerated() {
            var draw = total > 0 ? Int.random(in: 0..<total, using: &generator) : 0
            let share = phase.clients.first { share in
                draw -= share.weight
                return draw < 0
            }
            guard let client = share?.client else { continue }
            entries.append(Entry(number: number, client: client, offset: offset))
            for name in barriersOf[client] ?? [] { barriers[name, default: 0] += 1 }
        }
    }
}
