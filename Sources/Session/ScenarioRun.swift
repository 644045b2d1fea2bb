import Analysis
public import Gate
public import Replay
public import Scenarios
import Clocks
import Observations

/// Plays a scenario within a session: its phases in order, settling and checks after each.
public struct ScenarioRun: Sendable {
    /// Does to a launched server what a phase asks for.
    public typealias ServerControl = @Sendable (Phase.ServerAction) -> Void

    private let scenario: Scenario
    private let endpoint: Endpoint
    private let group: ClientGroup
    /// Whether somebody watches the server itself.
    public let seesServer: Bool
    private let control: ServerControl?
    private let aftermath: AftermathWatch?
    private let isApart: Bool

    /// A run.
    ///
    /// - Parameters:
    ///   - seesServer: whether somebody watches the server itself; else only its clients are counted.
    ///   - control: signals a launched server; `nil` when loopscope did not launch it.
    ///   - aftermath: watches what the server does after the last client, where its memory is not read.
    ///   - isApart: whether the server is another process: this one's CPU is the driver's then.
    public init(
        _ scenario: Scenario, at endpoint: Endpoint, group: ClientGroup, seesServer: Bool,
        control: ServerControl? = nil, aftermath: AftermathWatch? = nil, isApart: Bool = true
    ) {
        (self.scenario, self.endpoint, self.group) = (scenario, endpoint, group)
        (self.seesServer, self.control, self.aftermath, self.isApart) = (seesServer, control, aftermath, isApart)
    }

    /// Plays it.
    ///
    /// - Parameters:
    ///   - outcome: told of the outcome as it grows, so that nothing is lost when the session ends early.
    ///   - progress: told four times a second how the clients of a phase stand.
    public func play(
        in session: LiveSession, outcome report: @escaping @Sendable (ReplayOutcome) -> Void,
        progress: @escaping @Sendable (String, ClientTally) -> Void
    ) async throws {
        // What was there before the first client is what growth is measured against.
        let baseline = seesServer ? try await Settling.wait(within: Self.baselinePatience, session).populations : nil
        let outcome = try await playPhases(
            in: session, baseline: baseline, checking: true, outcome: report, progress: progress)
        try await aftermath?.watch(connections: outcome.clients.opened, session)
    }

    /// Plays the phases once.
    func playPhases(
        in session: LiveSession, baseline: Populations?, checking: Bool,
        outcome report: @escaping @Sendable (ReplayOutcome) -> Void,
        progress: @escaping @Sendable (String, ClientTally) -> Void = { _, _ in }
    ) async throws -> ReplayOutcome {
        let proxy =
            scenario.needsProxy
            ? try await CuttingProxy.start(before: endpoint, idle: scenario.proxyIdle, group: group) : nil
        do {
            let outcome = try await playPhases(
                ScenarioPlayer(scenario, at: endpoint, group: group, into: session, through: proxy), in: session,
                baseline: baseline, checking: checking, outcome: report, progress: progress)
            await proxy?.stop()
            return outcome
        } catch {
            await proxy?.stop()
            throw error
        }
    }

    private func playPhases(
        _ player: ScenarioPlayer, in session: LiveSession, baseline: Populations?, checking: Bool,
        outcome report: @escaping @Sendable (ReplayOutcome) -> Void,
        progress: @escaping @Sendable (String, ClientTally) -> Void
    ) async throws -> ReplayOutcome {
        var outcome = ReplayOutcome(scenario: scenario.name, seed: scenario.seed)
        let (begin, used) = (Moment.now(), Nanoseconds.processCPU())
        for (index, phase) in scenario.phases.enumerated() {
            if let action = phase.server { control?(action) }
            let before = outcome
            let tally = try await player.play(
                phase: index, until: { try await found(before: phase, in: session) }
            ) { tally in
                progress(phase.name, tally)
                var partial = before
                partial.phases.append(.init(name: phase.name, clients: tally))
                report(partial)
            }
            outcome.phases.append(.init(name: phase.name, clients: tally))
            if isApart {
                outcome.driverCPU = (Nanoseconds.processCPU() - used).seconds / (Moment.now() - begin).seconds * 100
            }
            report(outcome)
            if let limit = phase.settle, seesServer {
                outcome.phases[index].isSettled = try await Settling.wait(within: limit.duration, session).isSettled
            }
            guard checking, !phase.checks.isEmpty else { continue }
            let measured = try await measure(session, phase, baseline, outcome)
            outcome.checks += phase.checks.map { CheckResult($0, phase: phase.name, on: measured) }
            report(outcome)
        }
        report(outcome)
        return outcome
    }

    /// Returns once every finding that the scenario expects stands, where the phase waits for them; else never.
    private func found(before phase: Phase, in session: LiveSession) async throws {
        // Without its memory nothing is found before the server is told to end.
        if aftermath != nil || !seesServer, phase.endsWhenFound, phase.clients.isEmpty { return }
        let expected = phase.endsWhenFound && seesServer ? scenario.expectedFindings ?? [] : []
        repeat {
            // The cadence of judging, ended by the phase's own end.
            try await Task.sleep(for: .milliseconds(250))
        } while try expected.isEmpty
            || !Set(expected).isSubset(of: SessionRunner.judge(session.evidence()).findings.map(\.code))
    }

    /// How long the server may take to stand still before the first client comes.
    private static let baselinePatience = Duration.seconds(5)

    private func measure(
        _ session: LiveSession, _ phase: Phase, _ baseline: Populations?, _ outcome: ReplayOutcome
    ) async throws -> Measurements {
        var measured = Measurements(baseline: baseline, clients: outcome.clients)
        guard seesServer else { return measured }
        if phase.checks.contains(where: { $0.metric.name == "cpu.percent" }) {
            measured.settledCPU = try await SettledCPU.measure(for: .seconds(1), session)
        }
        let evidence = try session.evidence()
        measured.evidence = evidence
        measured.findings = SessionRunner.judge(evidence).findings.count
        return measured
    }
}

/// The CPU a settled server takes.
enum SettledCPU {
    /// Percent of one core over a time, all its processes; `nil` when /proc was not read twice in it.
    static func measure(for time: Duration, _ session: LiveSession) async throws -> Double? {
        let before = try session.evidence().processes.map(\.last)
        try await Task.sleep(for: time)  // the span over which CPU is a difference
        let after = try session.evidence().processes.map(\.last)
        var percent: Double?
        for sample in after {
            guard let earlier = before.first(where: { $0.pid == sample.pid }), sample.time > earlier.time else {
                continue
            }
            let share = (sample.cpu - earlier.cpu).seconds / (sample.time - earlier.time).seconds * 100
            percent = (percent ?? 0) + share
        }
        return percent
    }
}
