import Observations
import Statistics
import Testing

@testable import Instruments

@Suite("Dispatches are counted to the last") struct DispatchCountTests {
    private static let types: [(MessageKind, String)] = [
        (.receive, "websocket.receive"), (.disconnect, "websocket.disconnect"), (.other, "chat.message"),
    ]

    @Test(
        "of any sequence each one is in exactly one window, under its type and outcome",
        arguments: [1, 2, 3, 5, 8, 13] as [UInt64])
    func everyOne(seed: UInt64) {
        let bench = Bench()
        let meters = (0..<3).map { bench.instance("Chat\($0 % 2)") }
        var expected: [String: [DispatchOutcome: Int]] = [:]
        var after: [String: Int] = [:]
        var disconnected: Set<Int> = []
        var random = seed
        for step in 0..<500 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let who = Int(random >> 60) % meters.count
            let (kind, type) = Self.types[Int(random >> 50) % Self.types.count]
            let outcome = DispatchOutcome.allCases[Int(random >> 40) % DispatchOutcome.allCases.count]
            // It waited for the message, or found it; it is suspended, or not; another's job comes next, or the batch ends.
            if step % 2 == 0 {
                meters[who].jobBegins(kind) { type }
            } else {
                meters[who].jobBegins(nil) { "" }
                meters[who].dispatchBegins(kind) { type }
            }
            if step % 3 == 0 {
                meters[(who + step % 2) % meters.count].jobBegins(nil) { "" }
                meters[who].jobBegins(nil) { "" }
            }
            meters[who].dispatchEnds(outcome)
            if step % 5 == 0 { bench.loop.turnEnds() }
            let key = "Chat\(who % 2) \(type)"
            expected[key, default: [:]][outcome, default: 0] += 1
            if disconnected.contains(who) { after[key, default: 0] += 1 }
            if kind == .disconnect { disconnected.insert(who) }
            // A window ends now and then.
            if random >> 33 & 31 == 0 { bench.loop.flush(at: Moment(nanoseconds: 0)) }
        }
        var seen: [String: [DispatchOutcome: Int]] = [:]
        var seenAfter: [String: Int] = [:]
        for window in bench.flushed().dispatchWindows() {
            let key = "\(window.consumer) \(window.message)"
            seen[key, default: [:]].merge(window.outcomes) { $0 + $1 }
            seenAfter[key, default: 0] += window.afterDisconnect
            #expect(window.durations.total == window.outcomes.values.reduce(0, +))
            #expect(window.busy.count <= window.durations.sum, "it had the loop for no longer than it took")
        }
        #expect(seen == expected)
        #expect(seenAfter.filter { $0.value > 0 } == after)
    }

    @Test("the first four and the last four of an instance are told in full, each once", arguments: 0...12)
    func firstAndLast(count: Int) {
        let bench = Bench()
        let meter = bench.instance()
        for number in 0..<count {
            meter.dispatchBegins(.other) { "m\(number)" }
            meter.dispatchEnds(.threw, error: "e\(number)")
        }
        #expect(bench.flushed().dispatches().count == min(count, 4), "the last few are told when asked for")
        bench.loop.handOverLatest()
        bench.loop.handOverLatest()
        let told = bench.flushed().dispatches()
        let expected = (0..<count).filter { $0 < 4 || $0 >= count - 4 }
        #expect(told.map(\.message) == expected.map { "m\($0)" })
        #expect(told.map(\.error) == expected.map { "e\($0)" })
    }

    @Test("asked while one is under way, those before it are told, and it later")
    func underWay() {
        let bench = Bench()
        let meter = bench.instance()
        for number in 0..<6 {
            meter.dispatchBegins(.other) { "m\(number)" }
            meter.dispatchEnds(.returned)
        }
        meter.dispatchBegins(.other) { "m6" }
        bench.loop.handOverLatest()
        meter.dispatchEnds(.returned)
        bench.loop.turnEnds()
        bench.loop.handOverLatest()
        #expect(bench.flushed().dispatches().map(\.message) == (0..<7).map { "m\($0)" })
    }

    @Test("what a job waits for is not time on the loop, and what is dispatched is known to another thread")
    func busyTime() {
        let bench = Bench()
        let meter = bench.instance()
        #expect(bench.loop.current == nil)
        meter.dispatchBegins(.receive) { "websocket.receive" }
        #expect(bench.loop.current == DispatchLabel(consumer: "Chat", message: "websocket.receive"))
        bench.loop.turnEnds()
        #expect(bench.loop.current == nil, "it is suspended")
        meter.jobBegins(nil) { "" }
        #expect(bench.loop.current?.message == "websocket.receive")
        bench.instance("Other").jobBegins(nil) { "" }
        #expect(bench.loop.current == nil, "it is suspended, and another runs that dispatches nothing")
        meter.jobBegins(nil) { "" }
        #expect(meter.row?.instance.dispatching == true)
        meter.dispatchEnds(.returned)
        #expect(meter.row?.instance.dispatching == false)
        bench.loop.turnEnds()
        #expect(bench.loop.current == nil)
        #expect(meter.row?.instance.progress == 1)
    }

    @Test("in a batch one dispatch ends when the next begins: no time is counted twice, and none is lost")
    func noGaps() throws {
        let bench = Bench()
        let meters = (0..<4).map { _ in bench.instance() }
        for meter in meters {
            meter.jobBegins(.receive) { "websocket.receive" }
            meter.dispatchEnds(.returned)
        }
        let log = bench.flushed()
        let told = log.dispatches()
        #expect(told.count == 4)
        for (one, next) in zip(told, told.dropFirst()) { #expect(one.time + one.duration == next.time) }
        let window = try #require(log.dispatchWindows().first)
        let (first, last) = (try #require(told.first), try #require(told.last))
        #expect(window.busy == last.time + last.duration - first.time)
    }

    @Test("an instance that its loop no longer lists, as when its server has stopped, still counts what it dispatches")
    func stopped() {
        let bench = Bench()
        let meter = bench.instance()
        meter.dispatchBegins(.receive) { "websocket.receive" }
        bench.loop.stop()
        meter.dispatchEnds(.cancelled)
        #expect(bench.loop.current == nil)
        #expect(bench.flushed().dispatches().map(\.outcome) == [.cancelled])
    }

    @Test("a disconnect is the first only until the second; any other message is none")
    func disconnects() {
        let bench = Bench()
        let meter = bench.instance()
        var seen: [Bool?] = [meter.row?.instance.lastMessageIsFirstDisconnect]
        for (kind, type) in [Self.types[0], Self.types[1], Self.types[1], Self.types[2]] {
            meter.dispatchBegins(kind) { type }
            meter.dispatchEnds(.returned)
            seen.append(meter.row?.instance.lastMessageIsFirstDisconnect)
        }
        #expect(seen == [nil, nil, true, false, nil])
        #expect(meter.row?.instance.disconnects == 2)
        #expect(bench.flushed().dispatchWindows().reduce(0) { $0 + $1.afterDisconnect } == 2)
    }
}
