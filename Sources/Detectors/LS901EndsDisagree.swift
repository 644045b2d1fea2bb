public import Analysis
import Observations

/// LS901: one end of a connection says what another does not.
public struct EndsDisagree: Detector {
    /// How long the ends may differ: an event is on its way.
    static let patience = Nanoseconds.seconds(4)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS901", title: "the ends disagree", severity: .high, minimumGrade: .exact,
            meaning: """
                A connection has three ends that count: the client, the server's boundary, and the consumer. Where they say \
                different things, something between them keeps it from the other: a middleware that drops \
                websocket.disconnect, so that a consumer waits for ever for a client that has gone; a proxy, or a worker \
                that is not counted, that answers handshakes in the server's place, or keeps connections whose clients have gone.
                """,
            detection: """
                Unheard: the server has said that the socket is gone, and a consumer that is in no handler has not been \
                given websocket.disconnect for 4 s or more, without a dispatch meanwhile. Unseen: clients of the \
                scenario were answered 101 more often than the server accepted, those of the last 4 s left out. Unclosed: \
                likewise, more of their connections have ended than the server has seen end.
                """,
            falsePositives: """
                A middleware that holds the disconnect back for some seconds on purpose. More connections at the \
                server than the scenario has clients are no disagreement: others may be connected too.
                """,
            fixes: [
                ("ASGI middleware", "pass every message of `receive` on, websocket.disconnect above all"),
                ("Several workers", "observe all of them: name the master, or launch it under loopscope"),
            ],
            reproduce: "fixtures/servers: FIXTURE_DEAF=1 with counted:application")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let long = evidence.unheard.filter { !$0.hasEnded && $0.length >= Self.patience && $0.grade == .exact }
        let ends = Ends(evidence, before: evidence.now + (.zero - Self.patience))
        var found = long.byClass.map { unheardFinding($0.consumer, $0.spells, ends) }
        if let unseen = unseenFinding(evidence) ?? unclosedFinding(evidence) { found.append(unseen) }
        guard found.isEmpty else { return .found(found) }
        let waiting = evidence.unheard.count { !$0.hasEnded }
        return waiting == 0
            ? .holds
            : .notEnoughEvidence(
                "\(waiting.counted("consumer")) not told of a disconnect for \(evidence.unheard.leastLength): observe longer"
            )
    }

    private func unheardFinding(_ consumer: String, _ spells: [Spell], _ ends: Ends) -> Finding {
        let name = Places.shortName(consumer)
        var lines = [
            "the server has closed \(spells.count.counted("connection")) whose consumer was never given websocket.disconnect"
        ]
        lines.append(ends.closings(of: consumer))
        if let paths = Places.sentence(spells.instances.map(\.instance)) { lines.append(paths) }
        return card.finding(
            confidence: .proof, grade: .exact, pid: Places.pid(spells.map(\.pid)), consumer: consumer,
            count: spells.count, location: nil, evidence: lines,
            howSure: "every message was counted at both ends; so for at least \(spells.leastLength)",
            fix:
                "find what stands between the server and \(name) (a middleware's `receive`) and pass the disconnect on",
            check:
                "log message[\"type\"] in what each middleware's `receive` returns: the disconnect arrives and goes no further"
        )
    }

    /// Clients that were answered by somebody else. Events that were lost would look the same.
    private func unseenFinding(_ evidence: Evidence) -> Finding? {
        guard let answered = evidence.clients(.opened, before: evidence.now + (.zero - Self.patience)),
            evidence.quality.lost == 0
        else { return nil }
        let accepted = evidence.ledger.entries.compactMap(\.accepted).reduce(0, +)
        guard answered > accepted else { return nil }
        return card.finding(
            confidence: .proof, grade: .exact, pid: nil, consumer: nil, count: answered - accepted, location: nil,
            evidence: [
                "clients were answered 101 \(answered.spaced) times; the server accepted \(accepted.counted("handshake"))"
            ],
            howSure: "both ends counted every handshake",
            fix: "find who answers in the server's place: a proxy, or a process that is not counted",
            check: "compare the server's access log with the scenario's clients")
    }

    /// Connections that are over for their clients and not for the server.
    private func unclosedFinding(_ evidence: Evidence) -> Finding? {
        let ends = Ends(evidence, before: evidence.now + (.zero - Self.patience))
        guard let gone = ends.clients, evidence.quality.lost == 0, gone > ends.server else { return nil }
        return card.finding(
            confidence: .proof, grade: .exact, pid: nil, consumer: nil, count: gone - ends.server, location: nil,
            evidence: [ends.closings(of: nil)], howSure: "both ends counted every connection that ended",
            fix: "find who keeps connections in the clients' place: a proxy that does not pass a close on",
            check:
                "compare the server's open sockets (ss -tn) with the scenario's clients, some seconds after they left")
    }
}

/// How many connections ended, by each of those that count.
private struct Ends {
    /// As clients of the scenario saw it; `nil` without any.
    let clients: Int?
    /// As the server's boundary saw it, now.
    let server: Int
    private let ledger: Ledger

    init(_ evidence: Evidence, before end: Moment) {
        clients = evidence.clients(.closed, before: end)
        server = evidence.ledger.entries.compactMap(\.closed).reduce(0, +)
        ledger = evidence.ledger
    }

    /// `clients closed 3 connections, the server saw 3 end, ChatConsumer had 0 disconnects`.
    func closings(of consumer: String?) -> String {
        let entries = ledger.entries.filter { consumer == nil || $0.consumer == consumer }
        let told = entries.compactMap(\.disconnectsDelivered).reduce(0, +)
        let saw = consumer == nil ? server : entries.compactMap(\.closed).reduce(0, +)
        let parts = [
            clients.map { "clients closed \($0.counted("connection"))" },
            "the server saw \(saw.spaced) end",
            "\(consumer.map(Places.shortName) ?? "consumers") had \(told.counted("disconnect"))",
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}
