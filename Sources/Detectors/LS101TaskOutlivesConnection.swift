public import Analysis
import Observations

/// LS101: a background task outlives the connection it was started for.
public struct TaskOutlivesConnection: Detector {
    /// How long a consumer may live by its tasks alone when nothing in sight ends them.
    static let patience = Nanoseconds.seconds(4)
    /// How long it may when a time, a thread or a peer will end them.
    static let longPatience = Nanoseconds.seconds(8)
    /// Most further places that a finding lists.
    static let otherPlaces = 3
    /// By how many a coroutine's tasks must outnumber connections.
    static let excess = 3

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS101", title: "task outlives its connection", severity: .high, minimumGrade: .read,
            meaning: """
                A consumer (or a WebSocket handler) starts a task, a heartbeat or a listener, and does not end it when the \
                connection ends. Each closed connection leaves one, with the consumer and all it holds. No CPU is used, a \
                shutdown is normal: only counting tasks shows it.
                """,
            detection: """
                In Channels: consumers that no dispatch loop serves any more, kept alive by tasks that run their methods \
                or were handed them, in every census of 4 s (8 s where a time of up to a minute, a thread or a peer may \
                end the wait). In the Swift runtime: tasks of `startTask` that outlive their instance, by the line that \
                started them; a bare `Task { }` belongs to nobody there and is not counted. Elsewhere: tasks of one coroutine of the application that outnumber the open connections \
                by 3 for 4 s, the oldest among them the same all the time, and that grew while observed or were not created one \
                right after another as a pool's are.
                """,
            falsePositives: """
                A task that winds up within seconds is honest and not accused; nor is one that the whole process shares. \
                Without a consumer the count is a hint: tasks that serve something else than connections, a room or a \
                device, look the same; and those of connections that all came in one burst look like a pool until they \
                grow. Tasks of a consumer that outlived its disconnect are that finding's consequence.
                """,
            fixes: [
                ("Django Channels", "keep the task and cancel it: `self.task.cancel()` in disconnect()"),
                ("A task that catches CancelledError", "clean up, then `raise`: the agent names the handler"),
                ("Starlette, aiohttp", "cancel it in `finally`, or run both in one `asyncio.TaskGroup` (3.11+)"),
            ],
            reproduce: "fixtures/servers: /ws/task-leak")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.tasks.isEmpty else { return .notEnoughEvidence("no census of tasks was taken") }
        let orphans = evidence.orphans.filter(isTooLong).byClass.map { orphanFinding($0.consumer, $0.spells, evidence) }
        let crowds = evidence.crowds.compactMap { crowdFinding($0, evidence) }
        let found = orphans + crowds
        return found.isEmpty ? .holds : .found(found)
    }

    private func isTooLong(_ spell: Spell) -> Bool {
        // Counted ends leave no doubt that nothing serves it; only its tasks may still be about to end.
        let isCertain = spell.instance.wait == .event || spell.grade == .exact
        let limit = isCertain ? Self.patience : Self.longPatience
        return spell.sightings > 1 && spell.length >= limit
    }

    private func orphanFinding(_ consumer: String, _ spells: [Spell], _ evidence: Evidence) -> Finding {
        // The place that most of them are at, or were started at; the others are listed.
        let groups = Dictionary(grouping: spells, by: \.place).sorted {
            ($1.value.count, $0.key?.sentence ?? "~") < ($0.value.count, $1.key?.sentence ?? "~")
        }
        let main = groups.first?.value ?? spells
        let place = main.first?.place
        let tasks = main.reduce(0) { $0 + $1.instance.tasks }
        let name = place?.function ?? Places.shortName(consumer)
        // The embedded runtime knows where a task was started, and not where it waits.
        let isStart = main.first?.instance.waitingIn?.kind == .logical
        var lines = [
            "\(tasks.counted("task")) \(isStart ? "started in" : "of") \(name) still there although the connections are closed",
            "\(main.count.counted("consumer")) kept alive by them",
        ]
        for (place, spells) in groups.dropFirst().prefix(Self.otherPlaces) {
            let others = place.map { "those of \($0.sentence)" } ?? "tasks of which the place is not known"
            lines.append("\(spells.count.counted("consumer")) by \(others)")
        }
        if let wait = main.first?.wait { lines.append(wait) }
        let caught = evidence.cancellations[consumer]?.location
        if let caught { lines.append(caught.cancellationSentence) }
        let starter = place.flatMap { self.starter(of: $0, in: consumer, evidence) }
        if let starter { lines.append("probably started in \(starter.location.sentence)") }
        if let paths = Places.sentence(spells.map(\.instance)) { lines.append(paths) }
        let starts = starter?.location.function ?? (isStart ? place?.function : nil)
        let cancels = evidence.code.user(of: ["cancel"], in: consumer) != nil
        var finding = card.finding(
            confidence: .proof, grade: spells.map(\.grade).min() ?? .sampled, pid: Places.pid(spells.map(\.pid)),
            consumer: consumer, count: spells.count, location: caught ?? place, evidence: lines,
            howSure:
                "no dispatch loop serves these consumers: seen in \(spells.map(\.sightings).min() ?? 0) censuses in a row, for \(spells.leastLength) at least"
                + (cancels || caught != nil ? "" : "; no method of the class cancels anything"),
            fix: caught?.cancellationFix
                ?? "keep the task\(starts.map { " that \($0) starts" } ?? ""), and cancel it in \(Places.shortName(consumer)).disconnect",
            check: spells.first?.grade == .exact
                ? "count tasks before and after a connection: `loopscope tasks --pid PID`"
                : "count tasks before and after a connection: `len(asyncio.all_tasks())`")
        finding.connections = Places.connections(spells.instances)
        return finding
    }

    /// The method that names the coroutine and a way to start tasks: inferred from the code, not seen.
    private func starter(of place: CodeLocation, in consumer: String, _ evidence: Evidence) -> ConsumerMethod? {
        guard let name = place.function.split(separator: ".").last.map(String.init) else { return nil }
        let ways: Set<String> = ["create_task", "ensure_future", "run_coroutine_threadsafe", "start_soon"]
        return evidence.code.methods[consumer]?.first { method in
            method.uses.contains(name) && !ways.isDisjoint(with: method.uses)
        }
    }

    private func crowdFinding(_ crowd: Crowd, _ evidence: Evidence) -> Finding? {
        guard crowd.length >= Crowd.patience, let connections = connections(of: crowd.pid, evidence),
            crowd.held - connections >= Self.excess
        else { return nil }
        let grew = crowd.last - crowd.first
        guard crowd.isOld, grew >= Self.excess || !crowd.areConsecutive else { return nil }
        var lines = [
            "\(crowd.last.counted("task")) of \(crowd.name), with \(connections.counted("open connection"))"
        ]
        if grew > 0 { lines.append("\(grew.spaced) more than when observing began") }
        if let frame = crowd.waitingIn, let line = frame.line {
            lines.append("waiting at line \(line) of \(frame.function)")
        }
        return card.finding(
            severity: grew >= Self.excess ? .high : .medium, confidence: grew >= Self.excess ? .strong : .hint,
            grade: crowd.grade, pid: crowd.pid, count: crowd.held - connections, location: crowd.location,
            evidence: lines,
            howSure:
                "never fewer than \(crowd.held.spaced) for \(crowd.length.seconds.spokenSeconds)"
                + (grew >= Self.excess ? ", and growing" : "; whether they belong to connections cannot be seen"),
            fix: "end the task with its connection: cancel it in `finally`",
            check: "open and close a few connections: the count of these tasks must come back to what it was")
    }

    /// Connections open now: as the server counts them, else all established ones of the process.
    private func connections(of pid: Int32, _ evidence: Evidence) -> Int? {
        evidence.server(of: pid)?.connections
            ?? evidence.processes.first { $0.last.pid == pid }?.last.sockets["ESTABLISHED", default: 0]
    }
}

extension CodeLocation {
    /// `Chat.connect (chat/consumers.py:41)`.
    var sentence: String {
        guard let file else { return function }
        return "\(function) (\(file)\(line.map { ":\($0)" } ?? ""))"
    }
}
