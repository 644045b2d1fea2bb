import Analysis
import Observations
import Testing

@testable import Detectors

private func life(_ connection: UInt64, ended outcome: ConnectionEvent.Outcome) -> [Observation] {
    [(ConnectionEvent.Step.opened, 0), (.started, 1), (.closed, 5), (.ended, 10_005)].map { step, time in
        .connection(
            ConnectionEvent(
                time: at(time), pid: 1, connection: connection, step: step, consumer: "Chat",
                outcome: step == .ended ? outcome : nil))
    }
}

private let handler = Frame(kind: .native, function: "SlowConsumer.receive(text:)", file: "/srv/Slow.swift", line: 12)

private func block(_ milliseconds: Int64, stack: [Frame]) -> Observation {
    .block(
        LoopBlock(
            since: at(0), length: .milliseconds(milliseconds), pid: 1, loop: "0", stack: StackTrace(stack),
            consumer: "SlowConsumer", message: "websocket.receive"))
}

@Suite("Killed by the server")
struct KilledByServerTests {
    @Test("consumers cancelled after their connection closed are counted")
    func killed() throws {
        let findings = try judge(session(grade: .exact, [], more: life(1, ended: .killed) + life(2, ended: .killed)))
            .findings
        #expect(findings.map(\.code) == ["LS003"])
        #expect(findings.first?.count == 2)
    }

    @Test("every other end is silent", arguments: [ConnectionEvent.Outcome.stopped, .returned, .threw, .cancelled])
    func twin(outcome: ConnectionEvent.Outcome) throws {
        let judgement = try judge(session(grade: .exact, [], more: life(1, ended: outcome)))
        #expect(judgement.findings.isEmpty)
        #expect(judgement.checked.contains("LS003"))
    }

    @Test("where the stop was swallowed is named when it is known")
    func located() throws {
        let place = CodeLocation(function: "Chat.dispatch(_:)", file: "/srv/Chat.swift", line: 9)
        let stop = Observation.swallowed(SwallowedStop(time: at(6), pid: 1, consumer: "Chat", location: place))
        let finding = try judge(session(grade: .exact, [], more: life(1, ended: .killed) + [stop])).findings.first
        #expect(finding?.location == place)
        #expect(finding?.fix.contains("rethrow StopConsumer") == true)
    }
}

@Suite("Blocked loop")
struct BlockedLoopTests {
    @Test("the innermost application frame with a line is to blame, not the system call")
    func culprit() throws {
        let system = Frame(
            kind: .native, function: "clock_nanosleep", file: "./time/../sysdeps/unix/sysv/linux/clock_nanosleep.c",
            line: 48)
        let outer = Frame(kind: .native, function: "AsyncConsumer.dispatch(_:)", file: "/srv/Consumer.swift", line: 3)
        let findings = try judge(session(grade: .exact, [], more: [block(300, stack: [outer, handler, system])]))
            .findings
        #expect(findings.map(\.code) == ["LS601"])
        #expect(findings.first?.location?.function == handler.function)
        #expect(findings.first?.location?.line == 12)
        #expect(findings.first?.evidence.contains("in clock_nanosleep") == true)
    }

    @Test("a short hiccup, or one late beat without a stack, is silent")
    func twin() throws {
        let late = [block(60, stack: [handler]), block(400, stack: [])]
        #expect(try judge(session(grade: .exact, [], more: late)).findings.isEmpty)
    }
}

@Suite("Catalogue")
struct CatalogueTests {
    @Test("every code is unique, in order, and explains itself")
    func cards() {
        let codes = Catalogue.all.map(\.card.code)
        #expect(codes == codes.sorted())
        #expect(Set(codes).count == codes.count)
        for card in Catalogue.all.map(\.card) {
            #expect(!card.meaning.isEmpty && !card.detection.isEmpty && !card.falsePositives.isEmpty)
            #expect(!card.fixes.isEmpty && !card.reproduce.isEmpty)
        }
    }

    @Test("a code is found however it is written", arguments: ["LS001", "ls001", "001", "1", "LS1"])
    func lookup(code: String) {
        #expect(Catalogue.detector(for: code)?.card.code == "LS001")
    }

    @Test("what is no code finds nothing", arguments: ["", "LS", "LS999", "LS0", "chat", "-1"])
    func unknown(code: String) {
        #expect(Catalogue.detector(for: code) == nil)
    }

    @Test("a consequence never wins over itself, and every code in the precedence table is in no cycle")
    func precedence() {
        for (cause, effects) in Precedence.consequences {
            #expect(!effects.contains(cause))
            for effect in effects { #expect(Precedence.consequences[effect]?.contains(cause) != true) }
        }
    }
}
