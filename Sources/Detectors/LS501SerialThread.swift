public import Analysis
import Observations

/// LS501: thread-sensitive work of all connections waits for one thread.
public struct SerialThread: Detector {
    /// Calls that wait, at least, in each census.
    static let leastWaiting = 2
    /// How long calls that are not short must have held the thread, one right after the other (`CallRun`).
    static let leastHeld = Nanoseconds.milliseconds(300)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS501", title: "one thread for everybody", severity: .high, minimumGrade: .read,
            meaning: """
                `sync_to_async` is thread-sensitive by default: all its calls in a server share one thread and run one \
                after the other. A slow call makes every other one wait, those that Channels makes for its own \
                bookkeeping too: k calls at once take k times as long, while the loop and the processors are idle.
                """,
            detection: """
                In three censuses in a row, over more than a second, one call has the executor's only thread and at \
                least two wait for it, and the thread has been held for 300 ms: by one call, or by several of 50 ms and \
                more one right after the other. Waiting coroutines and the thread's call are joined by the object that \
                they share in asgiref's frames, and by that object one call is told from the next, a hundred times a second.
                """,
            falsePositives: """
                Short calls are not accused, however many wait for the thread. On a loaded machine every call takes \
                long: time in which the thread waited for a processor, or for the interpreter's lock while another thread \
                had it, is not counted. Calls that were given `thread_sensitive=False` run in the loop's own pool and are \
                not looked at.
                """,
            fixes: [
                (
                    "Django Channels",
                    "`sync_to_async(f, thread_sensitive=False)` for what needs no thread of its own; an asynchronous client or ORM for what only waits"
                ),
                ("Django", "give long work to a queue of jobs (Celery, a worker consumer) and return at once"),
            ],
            reproduce: "fixtures/servers: send a text on five connections to /ws/serial")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty || !evidence.bridgeCensuses.isEmpty else {
            return .notEnoughEvidence("no census of tasks was taken")
        }
        let findings = BridgeQueue.find(in: evidence.bridgeCensuses).compactMap(finding)
        return findings.isEmpty ? .holds : .found(findings)
    }

    private func finding(_ queue: BridgeQueue) -> Finding? {
        guard queue.leastWaiting >= Self.leastWaiting, !queue.looksStuck, let held = Self.held(by: queue) else {
            return nil
        }
        // Whoever had the thread most often holds the others up.
        let bySite = Dictionary(grouping: queue.sightings.map(\.running)) { $0.site?.place }
        guard
            let calls = bySite.max(by: {
                ($0.value.count, $1.key?.function ?? "") < ($1.value.count, $0.key?.function ?? "")
            })?.value, let call = calls.last, let site = call.site ?? call.function
        else { return nil }
        let waiting = queue.waiting.reduce(0) { $0 + $1.count }
        let name = call.function.map(\.shortName)
        let others = queue.waiting.filter { $0.site?.place != call.site?.place }.reduce(0) { $0 + $1.count }
        var lines = ["\(waiting.counted("call")) waiting for the one thread that serves thread-sensitive code"]
        lines.append(
            "it runs \(name.map { "\($0), called by " } ?? "a call of ")\(site.function)"
                + (site.line.map { " at line \($0)" } ?? ""))
        lines.append(
            "calls that are not short have held the thread for \(held.seconds.spokenSeconds), waits for a processor or the "
                + "interpreter's lock not counted")
        if others > 0 { lines.append("\(others) of those that wait are other code's") }
        return card.finding(
            confidence: .strong, grade: .read, pid: queue.pid, consumer: call.consumer, count: waiting,
            location: site.place, evidence: lines,
            howSure: "seen so in \(queue.sightings.count) censuses in a row over \(queue.span.seconds.spokenSeconds), "
                + "never with fewer than \(queue.leastWaiting) waiting",
            fix:
                "in \(site.function), call \(name ?? "it") with `sync_to_async(…, thread_sensitive=False)`, or await an "
                + "asynchronous client",
            check: "time k such calls at once: they take k times as long as one", focus: site.line)
    }

    /// How long the thread has been held, when it was so in each of the last censuses that are needed, but the first
    /// of them. An older one may have come upon the moment between two calls.
    private static func held(by queue: BridgeQueue) -> Nanoseconds? {
        let lengths = queue.latest.dropFirst().map { sighting in
            sighting.running.since.map { sighting.time - $0 } ?? .zero
        }
        guard let least = lengths.min(), least >= leastHeld else { return nil }
        return lengths.last
    }
}
