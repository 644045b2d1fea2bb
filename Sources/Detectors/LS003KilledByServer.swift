public import Analysis
import Observations

/// LS003: the server killed consumers that outlived their connection.
public struct KilledByServer: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS003", title: "killed by the server", severity: .high, minimumGrade: .read,
            meaning: """
                A consumer had not ended some time after its disconnect (daphne: 10 s) and the server cancelled it: \
                "took too long to shut down and was killed". Either a dispatch swallows StopConsumer, or something in \
                the disconnect handler waits too long. What comes after that wait, such as leaving groups, never ran.
                """,
            detection: """
                Exactly: a consumer instance that ended by its server's cancellation after its connection was closed. \
                From outside: an instance that outlived its disconnect on a server that kills, seen until it was gone.
                """,
            falsePositives: "Cancellations of a server that is shutting down are not counted.",
            fixes: [
                ("Django Channels", "let StopConsumer out of dispatch; move slow work out of disconnect()"),
                ("daphne", "`--application-close-timeout` only changes how long it waits"),
            ],
            reproduce: "loopscope demo --policy daphne")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let killed = evidence.ledger.entries.filter { ($0.killed ?? 0) > 0 }
        guard killed.isEmpty else { return .found(killed.map { finding($0, evidence) }) }
        let known = evidence.ledger.entries.contains { $0.killed != nil }
        return known ? .holds : .notEnoughEvidence("how consumers ended cannot be seen from outside")
    }

    private func finding(_ entry: LedgerEntry, _ evidence: Evidence) -> Finding {
        let consumer = entry.consumer ?? "connections without a consumer"
        let count = entry.killed ?? 0
        let stop = evidence.swallowed[consumer]
        let fix: String
        if let stop {
            let place = stop.location
            fix =
                place.isSwift
                ? "in \(place.function), rethrow StopConsumer: `catch let stop as StopConsumer { throw stop }` before the other `catch`"
                : "add `except StopConsumer: raise` before `except Exception` in \(place.function)"
        } else {
            fix = "find the await that blocks \(consumer)'s disconnect handler and bound it with a timeout"
        }
        return card.finding(
            confidence: .proof, grade: entry.grade, consumer: consumer, count: count,
            location: stop?.location ?? evidence.override(of: consumer),
            evidence: ["\(count.counted("consumer")) cancelled by the server after the connection was closed"],
            howSure: "each cancellation was counted", fix: fix,
            check: "look for \"took too long to shut down and was killed\" in the server's log")
    }
}
