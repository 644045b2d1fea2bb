import Observations
import Testing

@testable import Analysis

func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000) }

func step(
    _ connection: UInt64, _ step: ConnectionEvent.Step, at milliseconds: Int64, consumer: String? = "Chat",
    outcome: ConnectionEvent.Outcome? = nil
) -> Observation {
    .connection(
        ConnectionEvent(
            time: at(milliseconds), pid: 1, connection: connection, step: step, consumer: consumer, outcome: outcome))
}

/// One connection's whole life, with an honest end.
let honestLife: [Observation] = [
    step(1, .opened, at: 0, consumer: nil), step(1, .started, at: 1), step(1, .accepted, at: 2),
    step(1, .closed, at: 50), step(1, .ended, at: 51, outcome: .stopped),
]

@Suite("Ledger")
struct LedgerTests {
    @Test("an honest life balances in every column")
    func honest() throws {
        let entry = try #require(try Ledger(ObservationLog(honestLife))["Chat"])
        #expect(entry.grade == .exact)
        #expect([entry.opened, entry.accepted, entry.closed, entry.started, entry.ended] == [1, 1, 1, 1, 1])
        #expect([entry.open, entry.alive, entry.stuck, entry.killed] == [0, 0, 0, 0])
        #expect(entry.imbalances.isEmpty)
    }

    @Test("the account does not depend on the order in which the steps arrive")
    func permutations() throws {
        let whole = try Ledger(ObservationLog(honestLife))
        for shift in honestLife.indices {
            let turned = Array(honestLife[shift...] + honestLife[..<shift])
            #expect(try Ledger(ObservationLog(turned)) == whole)
            #expect(try Ledger(ObservationLog(turned.reversed())) == whole)
        }
    }

    @Test("a consumer that goes on after its socket closed is stuck, and the ledger says so")
    func stuck() throws {
        let entry = try #require(try Ledger(ObservationLog(Array(honestLife.dropLast())))["Chat"])
        #expect(entry.stuck == 1)
        #expect(entry.alive == 1)
        #expect(entry.imbalances == ["1 outlived their connection"])
    }

    @Test("a connection that never reached a consumer is kept apart, last")
    func nameless() throws {
        let ledger = try Ledger(
            ObservationLog(
                honestLife + [step(2, .opened, at: 3, consumer: nil), step(2, .closed, at: 4, consumer: nil)]))
        #expect(ledger.entries.map(\.consumer) == ["Chat", nil])
        #expect(ledger.entries.last?.closed == 1)
    }

    @Test("what was never observed is nil, not 0")
    func unknown() throws {
        let census = ConnectionCensus(
            time: at(1), pid: 1, grade: .read,
            consumers: [ConsumerCount(consumer: "Chat", sockets: [.open: 1, .closed: 3], tasks: 8)])
        let entry = try #require(try Ledger(ObservationLog([.connections(census)]))["Chat"])
        #expect(entry.opened == nil && entry.closed == nil && entry.ended == nil && entry.disconnectsDelivered == nil)
        #expect(entry.alive == 4 && entry.open == 1 && entry.stuck == 3 && entry.tasks == 8)
        #expect(entry.grade == .read)
    }

    @Test("a phase's ledger holds the connections opened in it, however long they live")
    func phases() throws {
        let log = ObservationLog(
            [.phase(PhaseMark(time: at(-10), name: "sick"))] + honestLife.prefix(3)
                + [.phase(PhaseMark(time: at(10), name: "twin")), step(1, .closed, at: 50)]
                + [step(2, .opened, at: 60), step(2, .started, at: 61)])
        #expect(try Ledger(log, phase: "sick")["Chat"]?.opened == 1)
        #expect(try Ledger(log, phase: "sick")["Chat"]?.stuck == 1)
        #expect(try Ledger(log, phase: "twin")["Chat"]?.opened == 1)
        #expect(try Ledger(log, phase: "twin")["Chat"]?.stuck == 0)
        #expect(try Ledger(log, phase: "no such phase").entries.isEmpty)
    }

    @Test("the dispatch rate is that of the last second: a spin that begins late is not averaged away")
    func lateSpin() throws {
        let quiet = DispatchWindow(
            start: at(0), length: .milliseconds(100), pid: 1, loop: "1", consumer: "Chat", message: "websocket.receive",
            handler: "websocket_receive", outcomes: [.returned: 1])
        var windows: [Observation] = [.dispatches(quiet)]
        for index in 0..<10 {
            var spin = quiet
            spin.start = at(9000 + Int64(index) * 100)
            spin.outcomes = [.returned: 1000]
            windows.append(.dispatches(spin))
        }
        #expect(try Ledger(ObservationLog(windows))["Chat"]?.dispatchesPerSecond == 10_000)
    }

    @Test(
        "the dispatch rate of a class that has been quiet for more than a second is 0",
        arguments: [900, 1200] as [Int64])
    func quietSince(milliseconds: Int64) throws {
        let window = DispatchWindow(
            start: at(0), length: .milliseconds(100), pid: 1, loop: "1", consumer: "Chat", message: "websocket.receive",
            handler: "websocket_receive", outcomes: [.returned: 4])
        let census = ConnectionCensus(time: at(100 + milliseconds), pid: 1, grade: .exact, consumers: [])
        let ledger = try Ledger(ObservationLog([.dispatches(window), .connections(census)]))
        #expect(ledger["Chat"]?.dispatchesPerSecond == (milliseconds > 1000 ? 0 : 40))
    }
}
