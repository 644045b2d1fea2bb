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
    /// Why the scenario was not played to its end: the server had ended.
    var failure: CommandError?
    /// What is to be said beside the report.
    var notes: [String] = []

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

    /// Whether clients did not do their scripts, and nobody has said that they may: no check speaks of them, and nothing that was
    /// expected of the server explains it.
    func haveClientsFailed(expected: [String]?) -> Bool {
        guard outcome.clients.failed > outcome.clients.exhausted,
            !outcome.checks.contains(where: { $0.check.metric.name == "clients.failed" })
        else { return false }
        return (expected ?? []).isEmpty
    }

    /// The exit code: what was expected, exactly; else the worst of checks and findings.
    func status(expected: [String]?, failOn: Severity?) -> ExitReason {
        if session.end.reason == .interrupted { return .interrupted }
        if isUnreachable { return .unavailable }
        if let failure, failure.status == .unavailable { return .unavailable }
        let judged = judge(expected: expected, failOn: failOn)
        guard judged == .clean else { return judged }
        // What this machine could not play says nothing about the server.
        return failure?.status ?? (outcome.clients.exhausted > 0 ? .inconclusive : .clean)
    }

    private func judge(expected: [String]?, failOn: Severity?) -> ExitReason {
        if outcome.checks.contains(where: { $0.outcome == .failed }) { return .regression }
        let report = session.report
        if report.findings.isEmpty, isNobodyIn { return .inconclusive }
        if let expected {
            let found = Set(report.findings.map(\.code))
            let unseen = Set(report.notChecked.map(\.code))
            guard found.isSubset(of: expected), unseen.isSuperset(of: Set(expected).subtracting(found)) else {
                return .findings
            }
            if haveClientsFailed(expected: expected) { return .regression }
            // What could not be looked at here is neither found nor absent.
            guard found == Set(expected) else { return .inconclusive }
        } else if case .findings = report.verdict(failOn: failOn) {
            return .findings
        } else if haveClientsFailed(expected: nil) {
            return .regression
        }
        return outcome.checks.contains { $0.outcome == .unknown } ? .inconclusive : .clean
    }
}
