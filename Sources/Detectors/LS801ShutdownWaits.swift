public import Analysis
import Observations

/// LS801: on SIGTERM the server will wait for applications that do not end, or waits for them already.
public struct ShutdownWaits: Detector {
    /// How long a shutdown may take before it is called hanging. Where something is known never to end, no time at all.
    static let patience = Nanoseconds.seconds(2)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS801", title: "shutdown waits for what never ends", severity: .high, minimumGrade: .outside,
            meaning: """
                A graceful shutdown waits until every application has returned. A consumer that outlived its connection \
                never does, so a deploy hangs until it is killed: uvicorn waits for ever by default, hypercorn until its \
                graceful timeout, daphne not at all.
                """,
            detection: """
                Before a deploy: consumers that a finding of this session says will never end, with what this server's \
                own configuration does about them; and consumers whose socket is gone while a handler of theirs waits, \
                for 4 s at the same place, for something of the process that has no time limit: they will not hear of \
                their disconnect. During one: the server's own flag says that it was told to end, in censuses 2 s apart \
                or more, and it still runs applications. From outside alone (`replay --outside -- CMD`): once its last \
                client has gone, a launched server takes two seconds longer to end, or more, than a launch that nobody had \
                visited, or its own log says that it cancelled applications of closed connections.
                """,
            falsePositives: """
                Open connections of a server that is not told to end are no reason: it closes them itself. A handler that \
                waits with a time limit, for a thread or for a peer, is honest work. Where another finding says why \
                consumers do not end, this one stands as a line under it. During a deploy a client that answers its \
                close frame late holds the shutdown up as well. From outside nobody can tell which consumer it is, nor \
                a swallowed stop from a handler that never returns: attach for that.
                """,
            fixes: [
                ("any", "fix what never ends; a timeout only cuts it off"),
                ("uvicorn", "`--timeout-graceful-shutdown 30`"),
                ("hypercorn", "`graceful_timeout`"),
            ],
            reproduce: "fixtures/servers: close /ws/swallow, then kill -TERM the server")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty else {
            guard let aftermath = evidence.aftermath else {
                return .notEnoughEvidence("no census of consumers was taken, and nobody told the server to end")
            }
            return outside(aftermath)
        }
        let pids = Set(evidence.connectionCensuses.map(\.pid)).sorted()
        let found =
            pids.flatMap { consequences(in: $0, evidence) + deaf(in: $0, evidence) }
            + pids.compactMap { stopping($0, evidence) }
        return found.isEmpty ? .holds : .found(found)
    }

    /// Consumers that will never end, per class: lines under their cause.
    private func consequences(in pid: Int32, _ evidence: Evidence) -> [Finding] {
        guard let habits = ServerHabits(evidence, pid: pid) else { return [] }
        var counts: [String: (count: Int, grade: Grade)] = [:]
        for case let one in evidence.outliving where one.pid == pid && one.face != .undecided {
            counts[one.instance.consumer, default: (0, one.grade)].count += 1
        }
        for spell in evidence.goodbyes
        where spell.pid == pid && !spell.hasEnded && spell.instance.wait == .event
            && spell.length >= StuckAfterDisconnect.patience
        {
            counts[spell.instance.consumer, default: (0, spell.grade)].count += 1
        }
        let since = stoppingSince(pid, evidence, for: .zero)
        return counts.sorted { $0.key < $1.key }.map { consumer, found in
            // A cancellation that was caught may be one of the application's own: the server's comes when its patience is over.
            let isOverdue = evidence.goodbyes.contains {
                $0.pid == pid && $0.instance.consumer == consumer && $0.length >= habits.patience
            }
            let hasCancelled = isOverdue && evidence.cancellations[consumer] != nil
            let fate = hasCancelled ? "\(habits.name) has cancelled them, and does so once" : habits.fate
            let lines = [fate] + toldToEnd(since)
            return card.finding(
                confidence: .strong, grade: found.grade, pid: pid, consumer: consumer, count: found.count,
                evidence: lines, howSure: "by the server's own settings", fix: "fix what never ends")
        }
    }

    /// Consumers that will not hear of their disconnect, per class.
    private func deaf(in pid: Int32, _ evidence: Evidence) -> [Finding] {
        let since = stoppingSince(pid, evidence, for: .zero)
        let spells = evidence.deaf.filter { spell in
            spell.pid == pid && !spell.hasEnded && spell.instance.wait == .event && spell.sightings > 1
                && spell.length >= StuckAfterDisconnect.patience
        }
        return spells.byClass.map { consumer, spells in
            let place = spells.first?.place
            let name = place?.function ?? "a handler of \(Places.shortName(consumer))"
            let message = spells.first?.instance.lastMessage ?? "a message"
            var lines = [
                "\(spells.count.counted("consumer")) still in the handler of \(message) although the connection is closed: the disconnect waits behind it"
            ]
            if let wait = spells.first?.wait { lines.append(wait) }
            if let habits = ServerHabits(evidence, pid: pid) { lines.append(habits.fate) }
            lines += toldToEnd(since)
            if let paths = Places.sentence(spells.map(\.instance)) { lines.append(paths) }
            var finding = card.finding(
                confidence: .strong, grade: spells.map(\.grade).min() ?? .sampled, pid: pid, consumer: consumer,
                count: spells.count, location: place, evidence: lines,
                howSure:
                    "seen at the same await in \(spells.map(\.sightings).min() ?? 0) censuses in a row, for \(spells.leastLength) at least",
                fix: "bound the wait in \(name) with a timeout, or give it to a task that disconnect cancels",
                check: "log before and after the await in \(name): the second line never comes",
                focus: spells.first?.instance.waitingIn?.line)
            finding.connections = Places.connections(spells.instances)
            return finding
        }
    }

    private func toldToEnd(_ since: Nanoseconds?) -> [String] {
        guard let since else { return [] }
        let ago = since > .milliseconds(100) ? " \(since.seconds.spokenSeconds) ago at least" : ""
        return ["it was told to end\(ago), and waits for them now"]
    }

    /// A shutdown under way that nothing else explains.
    private func stopping(_ pid: Int32, _ evidence: Evidence) -> Finding? {
        guard let since = stoppingSince(pid, evidence, for: Self.patience),
            let last = evidence.connectionCensuses.last(where: { $0.pid == pid }),
            let server = last.server, let applications = server.applications, applications > 0
        else { return nil }
        let explained =
            evidence.outliving.count { $0.pid == pid && !$0.isGone }
            + [evidence.goodbyes, evidence.deaf, evidence.handshakes].joined()
            .count { $0.pid == pid && !$0.hasEnded }
        guard applications > explained else { return nil }
        var lines = [
            "\(server.package) was told to end \(since.seconds.spokenSeconds) ago at least, and waits for \(applications.counted("application"))"
        ]
        if let connections = server.connections { lines.append("\(connections.counted("connection")) still open") }
        for row in last.consumers.prefix(4) { lines.append("\(row.alive.spaced) \(Places.shortName(row.consumer))") }
        let grace = server.grace ?? .max
        return card.finding(
            confidence: .proof, grade: last.grade, pid: pid, count: applications, evidence: lines,
            howSure: "the server's own flag says so",
            fix: grace == .max
                ? "find why these applications do not end; --timeout-graceful-shutdown cuts them off"
                : "find why these applications do not end; the server cuts them off after \(grace.words)",
            check:
                "the server's log: \"Waiting for connections to close\" or \"Waiting for background tasks to complete\""
        )
    }

    /// For how long the server of a process has been seen stopping; `nil` when it is not, or too short.
    private func stoppingSince(
        _ pid: Int32, _ evidence: Evidence, for patience: Nanoseconds
    ) -> Nanoseconds? {
        let mine = evidence.connectionCensuses.filter { $0.pid == pid }
        guard let last = mine.last, last.server?.isStopping == true else { return nil }
        let first = mine.reversed().prefix { $0.server?.isStopping == true }.last ?? last
        let length = last.time - first.time
        return length >= patience ? length : nil
    }
}
