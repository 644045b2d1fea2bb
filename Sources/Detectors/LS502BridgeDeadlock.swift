public import Analysis
import Observations

/// LS502: the one thread for synchronous code waits for something that needs that thread.
public struct BridgeDeadlock: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS502", title: "bridge deadlock", severity: .critical, minimumGrade: .read,
            meaning: """
                A call of `sync_to_async` has the one thread for thread-sensitive code and waits there for the event loop \
                to do something; what the loop would do needs the same thread. Neither moves again, and with them every \
                connection whose next step hops to that thread.
                """,
            detection: """
                In three censuses in a row, over more than a second, the very same call has the executor's only thread, \
                its thread waits in threading, queue or concurrent.futures at the same place, calls wait for the thread, \
                and no other Python thread is at work that could wake it.
                """,
            falsePositives: """
                A thread that waits for another thread's honest work looks alike: while any other thread of the process \
                runs code, nothing is said. What a thread without Python does cannot be seen.
                """,
            fixes: [
                (
                    "Django Channels",
                    "do not wait in synchronous code for a coroutine: await it first, or make the inner call `thread_sensitive=False`"
                ),
                ("asgiref", "inside `sync_to_async` call coroutines with `async_to_sync`, which lends its thread"),
            ],
            reproduce: "fixtures/servers: send a text to /ws/bridge-deadlock, on a server of its own")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty || !evidence.bridgeCensuses.isEmpty else {
            return .notEnoughEvidence("no census of tasks was taken")
        }
        let findings = BridgeQueue.find(in: evidence.bridgeCensuses)
            .filter { $0.isStuck && !Self.isAnotherThreadAtWork(evidence, $0.pid) }.compactMap(finding)
        return findings.isEmpty ? .holds : .found(findings)
    }

    /// Whether a thread that runs no loop was seen running: it might wake the one that waits.
    private static func isAnotherThreadAtWork(_ evidence: Evidence, _ pid: Int32) -> Bool {
        let others = evidence.stacks.filter { $0.pid == pid && $0.stack.turn == nil }
        let running = others.filter { $0.activity == .running }.reduce(0) { $0 + $1.weight.seconds }
        return running > 0.05 * evidence.duration.seconds
    }

    private func finding(_ queue: BridgeQueue) -> Finding? {
        let call = queue.running
        guard let place = call.function ?? call.site else { return nil }
        let waiting = queue.waiting.reduce(0) { $0 + $1.count }
        var lines = ["the one thread for synchronous code waits in \(place.function)" + at(place.line)]
        if let leaf = call.waitsIn, leaf != place { lines.append("there in \(leaf.function)") }
        for other in queue.waiting.prefix(3) {
            guard let site = other.site else { continue }
            lines.append("\(site.function)\(at(site.line)) waits for that thread (\(other.count.counted("task")))")
        }
        if let site = call.site { lines.append("the call was made by \(site.function)") }
        return card.finding(
            confidence: .strong, grade: .read, pid: queue.pid, consumer: call.consumer, count: waiting + 1,
            location: place.place, evidence: lines,
            howSure: "the same call at the same place in \(queue.sightings.count) censuses over "
                + "\(queue.span.seconds.spokenSeconds), and no other thread at work",
            fix:
                "in \(place.function), do not wait for what needs the same thread: await it outside, or make the inner call "
                + "`thread_sensitive=False`",
            check: "`loopscope dump` twice: the thread stands at the same line, and no connection that needs it moves",
            focus: place.line)
    }

    private func at(_ line: Int?) -> String { line.map { " at line \($0)" } ?? "" }
}
