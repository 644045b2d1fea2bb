import Analysis
import Gate
import Observations
import Scenarios
import Session

/// What a replay came to.
struct ReplayResult: Sendable {
    var outcome: ReplayOutcome
    var session: SessionOutcome
    /// From SIGTERM to the end of a launched server; infinite when it had to be killed.
    var exitSeconds: Double?

    /// Whether nobody answered any client.
    var isUnreachable: Bool {
        let clients = outcome.clients
        return clients.opened == 0 && clients.unreached > 0 && clients.unreached >= clients.failed
            && session.report.findings.isEmpty
    }

    /// Whether no client got in although it should have: nothing was played, so nothing is known.
    private var isNobodyIn: Bool {
        let clients = outcome.clients
        return clients.opened == 0 && clients.failed > 0 && clients.failed == clients.started
    }

    /// The exit code: what was expected, exactly; else the worst of checks and findings.
    func status(expected: [String]?, failOn: Severity?) -> ExitReason {
        if session.end.reason == .interrupted { return .interrupted }
        if isUnreachable { return .unavailable }
        if outcome.checks.contains(where: { $0.outcome == .failed }) { return .regression }
        let report = session.report
        if report.findings.isEmpty, isNobodyIn { return .inconclusive }
        if let expected {
            let found = Set(report.findings.map(\.code))
            let unseen = Set(report.notChecked.map(\.code))
            guard found.isSubset(of: expected), unseen.isSuperset(of: Set(expected).subtracting(found)) else {
                return .findings
            }
            // What could not be looked at here is neither found nor absent.
            guard found == Set(expected) else { return .inconclusive }
        } else if case .findings = report.verdict(failOn: failOn) {
            return .findings
        }
        return outcome.checks.contains { $0.outcome == .unknown } ? .inconclusive : .clean
    }
}
