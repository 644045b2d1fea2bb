public import Scenarios
import Statistics

/// What a played scenario came to: the client's half of the ledger, and every check.
public struct ReplayOutcome: Sendable {
    /// A phase that was played.
    public struct PhaseOutcome: Sendable {
        /// Its name.
        public var name: String
        /// What its clients saw.
        public var clients: ClientTally
        /// Whether the server stood still before the deadline; `nil` when nobody waited for it.
        public var isSettled: Bool?

        /// The outcome of a phase.
        public init(name: String, clients: ClientTally, isSettled: Bool? = nil) {
            (self.name, self.clients, self.isSettled) = (name, clients, isSettled)
        }
    }

    /// The scenario's name.
    public var scenario: String
    /// Its seed.
    public var seed: UInt64
    /// The phases, in order.
    public var phases: [PhaseOutcome] = []
    /// The checks, in the order in which they were made.
    public var checks: [CheckResult] = []

    /// Nothing played yet.
    public init(scenario: String, seed: UInt64) { (self.scenario, self.seed) = (scenario, seed) }

    /// What all clients saw.
    public var clients: ClientTally {
        phases.reduce(into: ClientTally()) { $0.merge($1.clients) }
    }

    /// CPU that this process took while it played, in percent of one core; `nil` where the server was in it.
    public var driverCPU: Double?

    /// How late the driver may be, at the 99th percentile, before its own measurements are in doubt.
    public static let latenessLimit = 0.020

    /// Whether the driver, and not the server, was the bottleneck.
    public var driverWasBottleneck: Bool {
        clients.lateness.value(at: 0.99).map { Double($0) / 1e9 > Self.latenessLimit } ?? false
    }
}

extension ReplayOutcome {
    /// Completes the checks of `exit.seconds`, which can only be made when a launched server has ended; one that had
    /// to be killed took for ever.
    public mutating func complete(exitSeconds: Double?) {
        for index in checks.indices where checks[index].check.metric.name == "exit.seconds" {
            checks[index] = CheckResult(
                checks[index].check, phase: checks[index].phase,
                on: Measurements(clients: ClientTally(), exitSeconds: exitSeconds))
        }
    }
}
