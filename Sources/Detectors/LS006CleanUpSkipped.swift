public import Analysis
import Observations

/// LS006: an error ended consumers before their disconnect, and what they would have cleaned up then stayed.
public struct CleanUpSkipped: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS006", title: "clean-up skipped on error", severity: .high, minimumGrade: .exact,
            meaning: """
                A handler throws, and the error ends the consumer at once: its disconnect is never called, so what is \
                cleaned up there (groups left, tasks ended, counters set back) stays for ever. Each client that makes the \
                handler throw leaves more behind; one bad message is enough.
                """,
            detection: """
                Instances that ended by an error without having been given their disconnect, of a class that kept group \
                memberships or tasks of instances that are gone.
                """,
            falsePositives: """
                A class whose errors leave nothing behind is not accused, whatever it throws. Where some instances of a \
                class leak for another reason too, the count may hold some of those.
                """,
            fixes: [
                (
                    "Django Channels",
                    "catch the error in the handler, or wrap `super().dispatch` in `try … except Exception: await self.cleanup(); raise`"
                ),
                (
                    "loopscope runtime (Swift)",
                    "catch the error in the handler, or override dispatch: `do { try await super.dispatch(message) } catch { await cleanUp(); throw error }`"
                ),
            ],
            reproduce: "loopscope serve, then send \"bad\" to /ws/reckless/lobby/")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard evidence.ledger.entries.contains(where: { $0.ended != nil }) else {
            return .notEnoughEvidence("no consumer was seen to end")
        }
        let byClass = Dictionary(grouping: evidence.failures, by: \.consumer).sorted { $0.key < $1.key }
        let found = byClass.compactMap { finding($0.key, $0.value, evidence) }
        return found.isEmpty ? .holds : .found(found)
    }

    private func finding(_ consumer: String, _ failures: [Failure], _ evidence: Evidence) -> Finding? {
        let count = failures.reduce(0) { $0 + $1.count }
        let groups = evidence.keptGroups(of: consumer) ?? 0
        let tasks = evidence.orphans.filter { $0.instance.consumer == consumer }.reduce(0) { $0 + $1.instance.tasks }
        guard groups > 0 || tasks > 0 else { return nil }
        let handler = failures.first?.message.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        let place = handler.flatMap { evidence.code.method($0, of: consumer)?.location }
        let name = place?.function ?? "\(Places.shortName(consumer))\(handler.map { ".\($0)" } ?? "")"
        var lines = ["\(count.counted("consumer")) ended by an error, and never told of the disconnect"]
        for failure in failures.prefix(3) {
            let error = failure.error.map(Places.shortName) ?? "an error"
            lines.append("\(error) out of \(failure.message ?? "the application") (\(failure.count.spaced))")
        }
        if groups > 0 { lines.append("\(groups.counted("group membership")) kept") }
        if tasks > 0 { lines.append("\(tasks.counted("task")) kept") }
        return card.finding(
            confidence: .proof, grade: .exact, consumer: consumer, count: count,
            location: place ?? CodeLocation(function: name), evidence: lines,
            howSure: "every end was counted, and every group joined and left",
            fix: "catch the error in \(name), or clean up in an override of dispatch and rethrow",
            check: "make the handler throw, then count the members of its groups")
    }
}
