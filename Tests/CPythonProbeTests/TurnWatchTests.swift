import Observations
import Testing

@testable import CPythonProbe

private func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000) }

private let runner = Frame(
    kind: .python, function: "BaseEventLoop._run_once", file: "/lib/python3.13/asyncio/base_events.py")

private func stack(_ function: String) -> StackTrace {
    StackTrace([runner, Frame(kind: .python, function: function, file: "/srv/chat.py", line: 9)])
}

/// A watch with a loop that is looked at every 10 ms.
private struct Watched {
    var watch = TurnWatch()
    var now: Int64 = 0
    var clock = ThreadClock.Reading(ran: .zero, waited: .zero, turns: 1)
    var asked = 0

    mutating func look(
        _ identity: UInt64, begun: Int64? = nil, _ activity: LoopActivity, after pause: Int64 = 10,
        waiting: Nanoseconds = .zero, running: Nanoseconds = .zero
    ) {
        now += pause
        (clock.waited, clock.ran) = (clock.waited + waiting, clock.ran + running)
        var served = 0
        watch.look(at: at(now), identity: identity, begun: begun.map(at), activity: activity, clock: clock) {
            served += 1
            return ("Chat", "websocket.receive")
        }
        asked += served
    }
}

@Suite("Turns of a loop that do not end")
struct TurnWatchTests {
    private let working = LoopActivity.working(stack("receive"), .waiting)

    @Test("a turn of 200 ms is one block with its exact beginning, its samples and whom it served, asked once")
    func block() throws {
        var loop = Watched()
        loop.look(1, begun: 2, .unknown)
        for _ in 0..<20 { loop.look(1, begun: 2, working) }
        loop.look(2, begun: 212, .waiting)
        let block = try #require(loop.watch.takeBlocks().first)
        #expect(block.since == at(2) && block.length == .milliseconds(208))
        #expect(block.samples == 20 && block.consumer == "Chat" && block.message == "websocket.receive")
        #expect(block.stack == stack("receive") && loop.asked == 1)
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test("one that lasts is told each time, longer, with the same beginning")
    func lasting() {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        for _ in 0..<20 { loop.look(1, begun: 1, working) }
        let first = loop.watch.takeBlocks()
        for _ in 0..<20 { loop.look(1, begun: 1, working) }
        let second = loop.watch.takeBlocks()
        #expect(first.map(\.since) == second.map(\.since) && first.count == 1)
        #expect(first[0].length < second[0].length)
    }

    @Test("turns that end, waits for events, and a counter that stands still while the loop waits are none")
    func honest() {
        var loop = Watched()
        for turn in 0..<40 { loop.look(UInt64(turn), begun: loop.now + 5, working) }
        for _ in 0..<40 { loop.look(50, .waiting) }
        for _ in 0..<5 { loop.look(50, working) }
        for _ in 0..<40 { loop.look(50, .waiting) }
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test("on a counter that does not move, the block begins where the waiting ended")
    func counter() throws {
        var loop = Watched()
        for _ in 0..<40 { loop.look(7, .waiting) }
        for _ in 0..<20 { loop.look(7, working) }
        let block = try #require(loop.watch.takeBlocks().first)
        #expect(block.since == at(400) && block.length == .milliseconds(200))
    }

    @Test("a thread that gets no processor, or waits for a lock that another holds, is not to blame")
    func starved() {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        for _ in 0..<30 { loop.look(1, begun: 1, working, waiting: .milliseconds(9)) }
        #expect(loop.watch.takeBlocks().isEmpty)
        loop.look(2, begun: loop.now, .unknown)
        for _ in 0..<30 { loop.look(2, begun: 301, .working(stack("receive"), .barred)) }
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test("LS601 on a busy-idle hypercorn under load: a turn that got no processor before its first sample is no block")
    func starvedBeforeTheFirstSample() {
        var loop = Watched()
        loop.look(1, begun: 8, working)
        loop.look(2, begun: 12, working, after: 100, waiting: .milliseconds(97))
        for _ in 0..<4 { loop.look(2, begun: 12, working) }
        loop.look(3, begun: loop.now, working)
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test(
        "LS601 on hard-work under load: a turn that others kept from the lock for a part of its time is as long as the rest"
    )
    func barredNowAndThen() {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        for look in 0..<12 {
            loop.look(1, begun: 1, .working(stack("receive"), look.isMultiple(of: 2) || look > 8 ? .waiting : .barred))
        }
        loop.look(2, begun: loop.now, .waiting)
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test("LS601 on hard-work under load: a wait for a processor that goes on is not told yet, and is not the turn's")
    func waitNotTold() throws {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        for _ in 0..<30 { loop.look(1, begun: 1, .working(stack("receive"), .running), running: .milliseconds(1)) }
        #expect(loop.watch.takeBlocks().isEmpty)
        for _ in 0..<30 { loop.look(1, begun: 1, .working(stack("receive"), .running), running: .milliseconds(10)) }
        let block = try #require(loop.watch.takeBlocks().first)
        #expect(block.length >= .milliseconds(300) && block.length <= .milliseconds(345))
    }

    @Test("a wait for a processor that the kernel tells only when it is over is not the turn's")
    func waitToldLate() {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        for _ in 0..<12 { loop.look(1, begun: 1, working) }
        loop.look(2, begun: loop.now + 9, working, waiting: .milliseconds(118))
        #expect(loop.watch.takeBlocks().isEmpty)
    }

    @Test("when we ourselves were held up, nothing is concluded")
    func disturbed() {
        var loop = Watched()
        loop.look(1, begun: 1, .unknown)
        loop.look(1, begun: 1, working)
        loop.look(1, begun: 1, working, after: 400)
        loop.look(1, begun: 1, working)
        #expect(loop.watch.takeBlocks().isEmpty)
    }
}
