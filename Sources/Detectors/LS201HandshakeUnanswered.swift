public import Analysis
import Observations

/// LS201: a consumer neither accepts nor closes a connection.
public struct HandshakeUnanswered: Detector {
    /// How long a consumer whose connect has returned may leave the handshake open: a task of its own may yet accept.
    static let patience = Nanoseconds.seconds(2)
    /// How long connect itself may take when nothing in sight ends its wait.
    static let connectPatience = Nanoseconds.seconds(4)
    /// How long it may when a time, a thread or a peer will.
    static let longPatience = Nanoseconds.seconds(8)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS201", title: "handshake never answered", severity: .critical, minimumGrade: .read,
            meaning: """
                connect() returned without accept() or close(), on a path that forgot both, or waits for something. The \
                client waits for its answer; some servers give up for it (daphne after 5 s, uvicorn's websockets \
                after 10 s), uvicorn's wsproto and sansio and hypercorn never. Each such client holds a descriptor, a \
                consumer and its tasks.
                """,
            detection: """
                In two censuses, 2 s apart or more, the same instance with its server's connection still in the \
                handshake and websocket.connect the last message; or inside its dispatch of it for 4 s (8 s where a time, \
                a thread or a peer may end the wait). An accepted, idle connection has the same last message: the server's \
                own state decides.
                """,
            falsePositives: """
                A consumer that accepts later, from a task or on a layer's message, is accused when that takes more than \
                2 s: its client sees the same.
                """,
            fixes: [
                (
                    "Django Channels",
                    "call `await self.accept()` or `await self.close(code=…)` on every path of connect()"
                ),
                ("Django Channels", "bound what connect() waits for: `async with asyncio.timeout(5)`"),
            ],
            reproduce: "fixtures/servers: /ws/hang-connect")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty else {
            return .notEnoughEvidence("no census of consumers was taken")
        }
        let found = evidence.handshakes.filter(isTooLong).byClass.map { finding($0.consumer, $0.spells, evidence) }
        return found.isEmpty ? .holds : .found(found)
    }

    private func isTooLong(_ spell: Spell) -> Bool {
        let limit =
            spell.instance.dispatching == false
            ? Self.patience : spell.instance.wait == .event ? Self.connectPatience : Self.longPatience
        return spell.sightings > 1 && spell.length >= limit
    }

    private func finding(_ consumer: String, _ spells: [Spell], _ evidence: Evidence) -> Finding {
        let returned = spells.contains { $0.instance.dispatching == false }
        let method =
            evidence.code.method("connect", of: consumer) ?? evidence.code.method("websocket_connect", of: consumer)
        let place = returned ? method?.location : spells.first?.place ?? method?.location
        let name = place?.function ?? "\(Places.shortName(consumer)).connect"
        var lines = [
            returned
                ? "\(spells.count.counted("client")) waiting for an answer: connect has returned, and neither accepted nor closed"
                : "\(spells.count.counted("client")) waiting for an answer: connect has not returned"
        ]
        if !returned, let wait = spells.first?.wait { lines.append(wait) }
        let pid = Places.pid(spells.map(\.pid))
        let isSwift = evidence.start?.kind == .embedded
        if let fate = ServerHabits(evidence, pid: pid)?.handshakeFate { lines.append(fate) }
        if let paths = Places.sentence(spells.map(\.instance)) { lines.append(paths) }
        var finding = card.finding(
            confidence: returned ? .proof : .strong, grade: spells.map(\.grade).min() ?? .sampled, pid: pid,
            consumer: consumer, count: spells.count, location: place, evidence: lines,
            howSure:
                "the server's own state says handshake, in \(spells.map(\.sightings).min() ?? 0) censuses in a row, for \(spells.leastLength) at least",
            fix: returned
                ? "call \(isSwift ? "`try await accept()` or `try await close(code:)`" : "`await self.accept()` or `await self.close(code=…)`") on every path of \(name)"
                : "bound the wait in \(name) with a timeout, and close the connection when it is over",
            check: "connect with any client: it gets no answer to its upgrade")
        finding.connections = Places.connections(spells.instances)
        return finding
    }
}
