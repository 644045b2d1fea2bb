public import Analysis
import Observations

/// LS002: `StopConsumer` is swallowed and the consumer waits for a message that will never come.
public struct SwallowedStopCold: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS002", title: "swallowed stop (cold)", severity: .critical, minimumGrade: .read,
            meaning: """
                A consumer's `dispatch` catches StopConsumer and returns, and this server delivers a disconnect only once \
                or twice: the consumer waits for ever. No CPU is used, so nothing shows in a profiler; its tasks, its \
                memory and its group memberships stay, and on SIGTERM the server waits for it.
                """,
            detection: """
                In two censuses, the same instance with its socket gone, its last message websocket.disconnect, and no \
                dispatch running: dispatch has returned from the disconnect and the dispatch loop waits for more.
                """,
            falsePositives: """
                A consumer whose disconnect handler is slow is inside its dispatch and is not accused. One that was seen \
                only once is not accused either: it may be about to end.
                """,
            fixes: [
                (
                    "Django Channels",
                    "add `except StopConsumer: raise` before `except Exception` in the overriding dispatch"
                ),
                (
                    "loopscope runtime (Swift)",
                    "`catch let stop as StopConsumer { throw stop }` before the other `catch`"
                ),
                ("uvicorn", "`--timeout-graceful-shutdown N` only hides it: the consumers stay until then"),
            ],
            reproduce: "loopscope demo --policy hypercorn")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard let last = evidence.connectionCensuses.last else {
            return .notEnoughEvidence("no census of consumers was taken")
        }
        let cases = SwallowedStopCase.cases(of: [.cold], in: evidence, disconnectOverride: false)
        guard cases.isEmpty else { return .found(cases.map { $0.coldFinding(card) }) }
        let undecided = evidence.outliving.contains { $0.face == .undecided }
        if undecided {
            return .notEnoughEvidence(
                "consumers of closed connections were seen in one census only (of \(last.consumers.count) classes): observe longer"
            )
        }
        return .holds
    }
}

extension SwallowedStopCase {
    /// A finding of a class whose instances wait for ever.
    func coldFinding(_ card: DetectorCard) -> Finding {
        let tasks = instances.reduce(0) { $0 + $1.instance.tasks }
        var lines = ["\(count.counted("consumer")) waiting for ever after \(disconnect) for closed connections"]
        if tasks > 0 { lines.append("\(tasks.counted("task")) that will never end") }
        let groups = instances.compactMap(\.instance.groups).reduce(0, +)
        if groups > 0 { lines.append("\(groups.counted("group membership")) kept") }
        if let place = instances.compactMap(\.instance.waitingIn).first { lines.append("waiting in \(place.function)") }
        lines += more
        var finding = card.finding(
            confidence: .proof, grade: grade, pid: pid, consumer: consumer, count: count, location: location,
            evidence: lines, howSure: howSure, fix: fix, check: check)
        finding.connections = connections
        // Where the server cancels what outlives its connection, the harm has an end.
        if let habits = ServerHabits(evidence, pid: pid), habits.patience < .max {
            finding.severity = .high
            finding.title = finding.title.replacing("(cold)", with: "(bounded)")
        }
        return finding
    }
}
