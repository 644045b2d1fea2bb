import Analysis
public import Gate
public import Scenarios
import Observations

/// Plays a scenario for a gate: once to warm the server up, then measured.
///
/// Pools, caches and lazily begun threads grow once and never again; what grows in the second round too grows with every
/// connection. What is higher than the budget allows is looked at again before it is called a leak.
public struct GateRun: Sendable {
    /// What a gate judges.
    public struct Result: Sendable {
        /// What the measured round's clients saw, and its checks.
        public var outcome: ReplayOutcome
        /// All metrics at the end.
        public var readings: Readings
        /// Whether the server stood still.
        public var isSettled: Bool
        /// How often the server was looked at again.
        public var looks: Int
    }

    private let scenario: Scenario
    private let player: ScenarioRun
    private let warmUp: Int
    private let patience: Duration

    /// Most looks at a server whose counts are too high.
    static let lookLimit = 4

    /// A run.
    ///
    /// - Parameters:
    ///   - warmUp: how often the scenario is played before it is measured.
    ///   - patience: how long the server may take to stand still, each time it is looked at.
    public init(_ scenario: Scenario, player: ScenarioRun, warmUp: Int = 1, patience: Duration = .seconds(10)) {
        (self.scenario, self.player, self.warmUp, self.patience) = (scenario, player, warmUp, patience)
    }

    /// Plays it.
    ///
    /// - Parameters:
    ///   - isTooHigh: whether these readings break the budget; asked after each look.
    ///   - progress: told what is being done.
    public func play(
        in session: LiveSession, isTooHigh: @escaping @Sendable (Readings) -> Bool,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> Result {
        for round in 0..<warmUp {
            progress("warming up (\(round + 1) of \(warmUp)) …")
            _ = try await player.playPhases(in: session, baseline: nil, checking: false, outcome: { _ in })
            if player.seesServer { _ = try await Settling.wait(within: patience, session) }
        }
        progress("measuring …")
        let baseline = player.seesServer ? try await Settling.wait(within: patience, session).populations : nil
        let outcome = try await player.playPhases(in: session, baseline: baseline, checking: true, outcome: { _ in })
        var (looks, isSettled) = (0, true)
        while true {
            if player.seesServer { isSettled = try await Settling.wait(within: patience, session).isSettled }
            let cpu = player.seesServer ? try await SettledCPU.measure(for: .seconds(1), session) : nil
            let evidence = player.seesServer ? try session.evidence() : nil
            let readings = Readings(
                Measurements(
                    evidence: evidence, baseline: baseline, clients: outcome.clients, settledCPU: cpu,
                    findings: evidence.map { SessionRunner.judge($0).findings.count }))
            looks += 1
            guard player.seesServer, looks < Self.lookLimit, isTooHigh(readings) else {
                return Result(outcome: outcome, readings: readings, isSettled: isSettled, looks: looks)
            }
            progress("too much is left; looking again …")
        }
    }
}
