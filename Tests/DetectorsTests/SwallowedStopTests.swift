import Analysis
import Observations
import Testing

@testable import Detectors

func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000) }

/// A session read from a CPython server, by censuses of its closed instances.
func session(
    grade: Grade = .read, override: CodeLocation? = .chat, _ censuses: [(Int64, [ConsumerInstance])],
    dispatches: DispatchCount? = nil, more: [Observation] = []
) -> ObservationLog {
    var log = ObservationLog([
        .start(
            SessionStart(
                time: at(0), wallClock: 0, kind: .cpython, description: "uvicorn", pid: 1, grade: grade, tool: "test"))
    ])
    log.append(
        censuses.map { time, instances in
            var count = ConsumerCount(
                consumer: "chat.consumers.ChatConsumer", override: override,
                sockets: [.open: 1, .closed: instances.count], tasks: 2 * instances.count)
            count.dispatches = dispatches
            return .connections(
                ConnectionCensus(time: at(time), pid: 1, grade: grade, consumers: [count], instances: instances))
        })
    log.append(more)
    return log
}

extension CodeLocation {
    static let chat = CodeLocation(
        function: "ChatConsumer.dispatch", file: "/srv/app/chat/consumers.py", line: 41, handlerLine: 44)
}

func stuck(_ id: UInt64, progress: UInt64, dispatching: Bool? = false) -> ConsumerInstance {
    ConsumerInstance(
        id: id, consumer: "chat.consumers.ChatConsumer", socket: .closed, path: "/ws",
        lastMessage: "websocket.disconnect",
        dispatching: dispatching, progress: progress, tasks: 2)
}

func judge(_ log: ObservationLog) throws -> Judgement { Catalogue.judge(try Evidence(log)) }

@Suite("Swallowed stop")
struct SwallowedStopTests {
    @Test("a spinning class is LS001, with its count, place and fix")
    func hot() throws {
        let log = session([
            (500, (1...3).map { stuck($0, progress: 1) }), (1000, (1...3).map { stuck($0, progress: 900) }),
            (1500, (1...3).map { stuck($0, progress: 1800) }),
        ])
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS001"])
        let finding = try #require(findings.first)
        #expect(finding.count == 3)
        #expect(finding.location == .chat)
        #expect(finding.consumer == "chat.consumers.ChatConsumer")
        #expect(finding.confidence == .proof && finding.severity == .critical && finding.grade == .read)
        #expect(finding.fix == "add `except StopConsumer: raise` before `except Exception` in ChatConsumer.dispatch")
        #expect(finding.evidence.first == "3 consumers still dispatching websocket.disconnect for closed connections")
    }

    @Test("a waiting class is LS002, with the tasks that will never end")
    func cold() throws {
        let log = session([
            (500, [stuck(1, progress: 1), stuck(2, progress: 5)]),
            (1000, [stuck(1, progress: 1), stuck(2, progress: 5)]),
        ])
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS002"])
        #expect(findings.first?.evidence.contains("4 tasks that will never end") == true)
    }

    @Test("a class of which one instance spins is hot as a whole: the others are the same bug, caught at rest")
    func both() throws {
        let log = session([
            (500, [stuck(1, progress: 1), stuck(2, progress: 5)]),
            (1000, [stuck(1, progress: 9), stuck(2, progress: 5)]),
            (1500, [stuck(1, progress: 17), stuck(2, progress: 5)]),
        ])
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS001"])
        #expect(findings.first?.count == 2)
    }

    @Test("an override of websocket_disconnect is LS004, not LS001 or LS002", arguments: [UInt64(1), 900])
    func disconnectOverride(progress: UInt64) throws {
        let place = CodeLocation(function: "ChatConsumer.websocket_disconnect", file: "c.py", line: 9)
        let log = session(
            override: place,
            [1, progress, 2 * progress - 1].enumerated().map { (Int64($0) * 500, [stuck(1, progress: $1)]) })
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS004"])
        #expect(findings.first?.fix.contains("super().websocket_disconnect") == true)
    }

    @Test("honest disconnects in flight, and sockets that are open, are silent")
    func twin() throws {
        var open = stuck(2, progress: 1)
        open.socket = .open
        let log = session([
            (500, [stuck(1, progress: 1, dispatching: true), open]),
            (1000, [stuck(1, progress: 1, dispatching: true), open]),
        ])
        let judgement = try judge(log)
        #expect(judgement.findings.isEmpty)
        #expect(judgement.checked.contains("LS001") && judgement.checked.contains("LS002"))
    }

    @Test("seen once only, cold is not claimed and not denied")
    func once() throws {
        let judgement = try judge(session([(500, [stuck(1, progress: 1)])]))
        #expect(judgement.findings.isEmpty)
        #expect(judgement.notChecked.map(\.code).contains("LS002"))
    }

    @Test(
        "what the server will do with them is said where it is known",
        arguments: [
            ("uvicorn 0.38.0 sansio/asyncio, CPython 3.13.5", "--timeout-graceful-shutdown"),
            ("daphne 4.2.3", "10 s after"),
            ("hypercorn 0.18.0", "graceful timeout"),
        ])
    func consequence(server: String, said: String) throws {
        var evidence = try Evidence(session([(500, [stuck(1, progress: 1)]), (1000, [stuck(1, progress: 1)])]))
        evidence.start?.description = server
        let finding = Catalogue.judge(evidence).findings.first
        #expect(finding?.evidence.last?.contains(said) == true)
        #expect(finding?.title == (server.hasPrefix("daphne") ? "swallowed stop (bounded)" : "swallowed stop (cold)"))
        evidence.start?.description = "embedded runtime"
        #expect(Catalogue.judge(evidence).findings.first?.evidence.contains { $0.contains(said) } == false)
    }

    @Test("without a known override the fix says what to look for")
    func unknownPlace() throws {
        let log = session(override: nil, (1...3).map { (Int64($0) * 500, [stuck(1, progress: UInt64($0))]) })
        #expect(
            try judge(log).findings.first?.fix.hasPrefix("find what catches StopConsumer around ChatConsumer") == true)
    }

    @Test("from a client's side alone nothing about consumers is claimed")
    func outside() throws {
        let judgement = try judge(session(grade: .outside, []))
        #expect(judgement.findings.isEmpty && judgement.checked.isEmpty)
        #expect(judgement.notChecked.count == Catalogue.all.count)
    }
}
