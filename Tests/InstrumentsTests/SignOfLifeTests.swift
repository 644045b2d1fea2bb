import Observations
import Synchronization
import Testing

@testable import Instruments

@Suite("A loop is heard of by its batches of jobs") struct SignOfLifeTests {
    @Test("when one begins it is due within a beat, when it ends not before its heart")
    func due() {
        let bench = Bench()
        let meter = bench.instance()
        bench.loop.start()
        let heart = bench.loop.due.load(ordering: .relaxed)
        meter.jobBegins(.receive) { "websocket.receive" }
        let during = bench.loop.due.load(ordering: .relaxed)
        #expect(during > heart, "it was heard of after its start")
        meter.dispatchEnds(.returned)
        #expect(bench.loop.due.load(ordering: .relaxed) == during, "not within a batch: a job may block")
        bench.loop.turnEnds()
        #expect(bench.loop.due.load(ordering: .relaxed) > during)
        bench.loop.stop()
        #expect(bench.loop.due.load(ordering: .relaxed) == 0)
        meter.jobBegins(.receive) { "websocket.receive" }
        bench.loop.turnEnds()
        #expect(bench.loop.due.load(ordering: .relaxed) == 0, "nobody waits for a loop that has stopped")
    }

    @Test("how long a batch took is how late a heartbeat would have been")
    func lag() throws {
        let bench = Bench()
        let meters = (0..<3).map { _ in bench.instance() }
        for meter in meters {
            meter.jobBegins(.receive) { "websocket.receive" }
            meter.dispatchEnds(.returned)
        }
        let log = bench.flushed()
        let told = log.dispatches()
        let (first, last) = (try #require(told.first), try #require(told.last))
        #expect(log.loops().compactMap(\.heartbeatLag).max() == last.time + last.duration - first.time)
    }

    @Test("a job that dispatches nothing begins a batch too, and so does one of no instance", arguments: [true, false])
    func otherJobs(isInstance: Bool) {
        let bench = Bench()
        let meter = bench.instance()
        bench.loop.start()
        let heart = bench.loop.due.load(ordering: .relaxed)
        if isInstance { meter.jobBegins(nil) { "" } } else { bench.loop.otherJobBegins() }
        #expect(bench.loop.due.load(ordering: .relaxed) > heart)
        bench.loop.stop()
    }
}
