import Analysis
import Observations
import Testing

@testable import Detectors

private let chat = "chat.consumers.ChatConsumer"

@Suite("Outliving in other words")
struct OutlivingTests {
    @Test("a layer's message over the disconnect, or an end by the server, hides nothing")
    func hidden() throws {
        var late = stuck(1, progress: 1)
        late.lastMessage = "chat.message"
        #expect(try judge(session([(0, [late]), (400, [late]), (1400, [late])])).findings.map(\.code) == ["LS002"])
        #expect(try judge(session([(0, [late]), (400, [late])])).findings.isEmpty)
        let gone = try judge(session([(0, [stuck(1, progress: 1)]), (1400, [stuck(1, progress: 1)]), (2400, [])]))
        #expect(gone.findings.first?.evidence.contains { $0.contains("cancelled by the server") } == true)
    }

    @Test("of more instances than a census lists, all are counted")
    func many() throws {
        var log = session([])
        for time in [Int64(0), 1400] {
            log.append([
                .connections(
                    ConnectionCensus(
                        time: at(time), pid: 1, grade: .read,
                        consumers: [ConsumerCount(consumer: chat, override: .chat, sockets: [.closed: 9000], tasks: 0)],
                        instances: (1...512).map { stuck($0, progress: 1) }))
            ])
        }
        #expect(try judge(log).findings.first?.count == 9000)
    }
}

@Suite("Ledger on read evidence")
struct ReadLedgerTests {
    @Test("objects beyond the living are counted apart, and a lone spinning class is given its rate")
    func read() throws {
        let types = Observation.types(TypeCensus(time: at(500), pid: 1, counts: [chat: 7, "dict": 9]))
        let evidence = try Evidence(
            session(
                [1, 900, 1800].enumerated().map { (Int64($0) * 500, [stuck(1, progress: $1)]) },
                dispatches: DispatchCount(count: 40, span: .milliseconds(4), instances: 1), more: [types]))
        let entry = try #require(evidence.ledger[chat])
        #expect(entry.alive == 2 && entry.objects == 7)
        #expect(entry.dispatchesPerSecond == 10_000)
        #expect(evidence.ledger["dict"] == nil)
    }
}
