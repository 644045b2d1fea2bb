import Analysis
import Gate
import Observations
import Session

/// What a replay came to.
struct ReplayResult: Sendable {
    var outcome: ReplayOutcome
    var session: SessionOutcome
    /// From SIGTERM to the end of a launched server; infinite when it had to be killed.
    var exitSeconds: Double?

    /// The exit code: what was expected, exactly; else the worst of checks and findings.
    func status(expected: [String]?, failOn: Severity?) -> ExitReason {
        if session.end.reason == .interrupted { return .interrupted }
        if outcome.checks.contains(where: { $0.outcome == .failed }) { return .regression }
        let report = session.report
        if let expected {
            guard Set(report.findings.map(\.code)) == Set(expected) else { return .findings }
        } else if case .findings = report.verdict(failOn: failOn) {
            return .findings
        }
        return outcome.checks.contains { $0.outcome == .unknown } ? .inconclusive : .clean
    }
}
