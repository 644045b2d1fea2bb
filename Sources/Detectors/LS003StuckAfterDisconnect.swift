public import Analysis
import Observations

/// LS003: a consumer does not come back from its disconnect, or its server killed it because it had not.
public struct StuckAfterDisconnect: Detector {
    /// How long a consumer may be in its disconnect when nothing in sight ends its wait.
    static let patience = Nanoseconds.seconds(4)
    /// How long it may be when a time, a thread or a peer will end it.
    static let longPatience = Nanoseconds.seconds(30)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS003", title: "stuck in disconnect", severity: .high, minimumGrade: .read,
            meaning: """
                A consumer's disconnect handler waits for something that does not come. Its connection is gone, its tasks \
                and its memory stay; on SIGTERM uvicorn waits for it. Daphne cancels it after 10 s ("took too long to \
                shut down and was killed"): what comes after the wait, such as leaving groups, never runs then.
                """,
            detection: """
                From outside: the same instance inside its dispatch of websocket.disconnect, its socket gone, at the \
                same await in every census of 4 s or more, where it waits for other code of the process (an event, a \
                lock, a queue, a task) without a time limit; or of 30 s, whatever it waits for. Exactly: an instance \
                that ended by its server's cancellation after its connection was closed.
                """,
            falsePositives: """
                A goodbye that takes long is honest: one that sleeps, works in a thread, or asks a database is given \
                30 s. A wait of more than 4 s for another task that does end would be accused; it holds up a deploy all \
                the same. Cancellations of a server that is shutting down are not counted.
                """,
            fixes: [
                (
                    "Django Channels",
                    "bound the wait: `async with asyncio.timeout(5)` (3.11+) or `asyncio.wait_for(…, timeout=5)`; leave groups before it"
                ),
                ("daphne", "`--application-close-timeout` only changes how long it waits"),
            ],
            reproduce: "loopscope demo --policy daphne")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let killed = evidence.ledger.entries.filter { ($0.killed ?? 0) > 0 }.map { killedFinding($0, evidence) }
        let stuck = evidence.goodbyes.filter { isTooLong($0, evidence) }.byClass.map {
            stuckFinding($0.consumer, $0.spells, evidence)
        }
        guard killed.isEmpty, stuck.isEmpty else { return .found(killed + stuck) }
        let known = evidence.ledger.entries.contains { $0.killed != nil }
        guard known || !evidence.connectionCensuses.isEmpty else {
            return .notEnoughEvidence("no census of consumers was taken")
        }
        // Short sessions cannot tell: only a goodbye that is under way leaves that open.
        let waiting = evidence.goodbyes.count { !$0.hasEnded }
        return waiting == 0
            ? .holds
            : .notEnoughEvidence(
                "\(waiting.counted("consumer")) in disconnect for \(evidence.goodbyes.leastLength): observe longer")
    }

    /// One that has ended was honest, unless its server ended it.
    private func isTooLong(_ spell: Spell, _ evidence: Evidence) -> Bool {
        if spell.hasEnded {
            guard let patience = ServerHabits(evidence, pid: spell.pid)?.patience, patience < .max else { return false }
            // The last census that saw it was up to two seconds before its end.
            guard spell.length + .seconds(2) >= patience else { return false }
        }
        return spell.sightings > 1
            && spell.length >= (spell.instance.wait == .event ? Self.patience : Self.longPatience)
    }

    private func stuckFinding(_ consumer: String, _ spells: [Spell], _ evidence: Evidence) -> Finding {
        let place = spells.first?.place
        var lines = ["\(spells.count.counted("consumer")) in disconnect for closed connections, and not moving"]
        if let wait = spells.first?.wait { lines.append(wait) }
        let tasks = spells.reduce(0) { $0 + $1.instance.tasks }
        if tasks > 0 { lines.append("\(tasks.counted("task")) kept") }
        let ended = spells.count(where: \.hasEnded)
        if ended > 0 { lines.append("\(ended.spaced) of them cancelled by the server meanwhile") }
        let caught = evidence.cancellations[consumer]?.location
        if let caught { lines.append(caught.cancellationSentence) }
        if let paths = Places.sentence(spells.map(\.instance)) { lines.append(paths) }
        let name = place?.function ?? "\(Places.shortName(consumer)).disconnect"
        var finding = card.finding(
            confidence: .strong, grade: spells.map(\.grade).min() ?? .sampled, pid: Places.pid(spells.map(\.pid)),
            consumer: consumer, count: spells.count, location: caught?.function == place?.function ? caught : place,
            evidence: lines,
            howSure:
                "seen at the same await in \(spells.map(\.sightings).min() ?? 0) censuses in a row, for \(spells.leastLength) at least",
            fix: "bound the wait in \(name) with a timeout, and do what must be done (leaving groups) before it"
                + (caught.map { "; \($0.cancellationFix)" } ?? ""),
            check: "log before and after the await in \(name): the second line never comes")
        finding.connections = Places.connections(spells.instances)
        return finding
    }

    private func killedFinding(_ entry: LedgerEntry, _ evidence: Evidence) -> Finding {
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
        var finding = card.finding(
            confidence: .proof, grade: entry.grade, consumer: consumer, count: count,
            location: stop?.location ?? evidence.override(of: consumer)
                ?? evidence.goodbyes.last { $0.instance.consumer == consumer }?.place,
            evidence: ["\(count.counted("consumer")) cancelled by the server after the connection was closed"],
            howSure: "each cancellation was counted", fix: fix,
            check: "look for \"took too long to shut down and was killed\" in the server's log")
        finding.title = "killed by the server"
        return finding
    }
}
