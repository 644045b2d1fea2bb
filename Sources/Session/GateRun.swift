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
    /// Most rounds that are played only to see who makes loops for single calls: a fraction of a millisecond each, which
    /// few samples hit.
    static let searchLimit = 8

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
    ///   - tooHigh: the counts that break the budget or the baseline; asked after each look.
    ///   - progress: told what is being done.
    public func play(
        in session: LiveSession, tooHigh: @escaping @Sendable (Readings) -> [String],
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> Result {
        var (start, warmedUp) = (Settling?.none, 0)
        for round in 0..<warmUp {
            progress("warming up (\(round + 1) of \(warmUp)) …")
            let outcome = try await player.playPhases(in: session, baseline: nil, checking: false, outcome: { _ in })
            start = try await populations(after: outcome, session)
            warmedUp += outcome.clients.opened
        }
        if player.seesServer { start = try await beginning(start, session) }
        let before = start?.populations
        progress("measuring …")
        let outcome = try await player.playPhases(in: session, baseline: before, checking: true, outcome: { _ in })
        var still = try await populations(after: outcome, session)
        var look = 1
        while true {
            let cpu = player.seesServer ? try await SettledCPU.measure(for: .seconds(1), session) : nil
            let evidence = player.seesServer ? try session.evidence() : nil
            let findings = evidence.map { SessionRunner.judge($0).findings }
            let readings = Readings(
                Measurements(
                    evidence: evidence, baseline: before, clients: outcome.clients, settledCPU: cpu,
                    findings: findings?.count), warmedUp: warmedUp)
            let excess = player.seesServer ? tooHigh(readings) : []
            // What is proven needs no second look.
            let isProven = findings?.contains { $0.severity >= .high && $0.confidence == .proof } ?? false
            if look < Self.lookLimit, !isProven, excess.contains(where: Self.mayShrink) {
                progress("too much is left; looking again …")
                still = try await Settling.wait(within: patience, session)
                look += 1
                continue
            }
            var result = Result(
                outcome: outcome, readings: readings,
                isSettled: (start?.isSettled ?? true) && (still?.isSettled ?? true), looks: look)
            if excess.contains("loops.per_request") {
                progress("looking for who makes the loops …")
                result.readings.suspects["loops.per_request"] = try await makersOfLoops(in: session)
            }
            return result
        }
    }

    /// What growth is measured against: what there is when the warm-up is over.
    ///
    /// Counts of a server that does not stand still yet miss what is under way, which would then be growth. A goodbye of
    /// some seconds stands still too: what is alive now is given the time that every honest one ends in.
    private func beginning(_ warm: Settling?, _ session: LiveSession) async throws -> Settling {
        var start = if let warm { warm } else { try await Settling.wait(within: patience, session) }
        if !start.isSettled { start = try await Settling.wait(within: patience, session) }
        let end = ContinuousClock.now + Self.goodbye
        while start.populations.consumers ?? 0 > 0, ContinuousClock.now < end {
            start = try await Settling.wait(within: patience, session)
        }
        return start
    }

    /// Whether a count may still become less: what is alive may end, what has happened stays.
    private static func mayShrink(_ subject: String) -> Bool {
        subject.hasPrefix("consumers.") || subject.contains(".growth") || subject.contains(".leaked")
    }

    /// Waits until the server stands still, unless the last phase has just done so; `nil` when nobody sees it.
    private func populations(after outcome: ReplayOutcome, _ session: LiveSession) async throws -> Settling? {
        guard player.seesServer else { return nil }
        if let isSettled = outcome.phases.last?.isSettled {
            return Settling(populations: Populations(try session.evidence()), isSettled: isSettled)
        }
        return try await Settling.wait(within: patience, session)
    }

    /// Who makes loops for single calls, by the samples of rounds that are not measured.
    private func makersOfLoops(in session: LiveSession) async throws -> [Suspect]? {
        for _ in 0..<Self.searchLimit {
            let evidence = try session.evidence()
            if evidence.bridges.contains(where: { $0.tellingSamples >= Self.enoughSamples }) { break }
            _ = try await player.playPhases(in: session, baseline: nil, checking: false, outcome: { _ in })
        }
        return try session.evidence().makersOfLoops
    }

    /// How long consumers of the warm-up may take to end.
    private static let goodbye = Duration.seconds(5)

    /// Samples that tell the greater part of the calls from the rest.
    private static let enoughSamples = 5
}
