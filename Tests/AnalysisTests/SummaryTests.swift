import Observations
import Testing

@testable import Analysis

private func process(at milliseconds: Int64, cpu: Nanoseconds, age: Nanoseconds) -> ProcessSample {
    ProcessSample(
        time: at(milliseconds), pid: 1, name: "python", cpu: cpu, age: age, residentBytes: 1,
        threads: [ThreadSample(tid: 1, name: "python", cpu: cpu, runQueueWait: .zero, state: "R")])
}

@Suite("Summaries")
struct SummaryTests {
    @Test("CPU is a difference, and ps is said to mislead when its lifetime average does")
    func psMisleads() throws {
        let before = process(at: 0, cpu: .seconds(1), age: .seconds(100))
        let after = process(at: 4000, cpu: .seconds(5), age: .seconds(104))
        let summary = try #require(ProcessSummary.summaries(of: [before, after]).first)
        #expect(summary.cpuPercent == 100)
        #expect(abs(try #require(summary.psPercent) - 4.8) < 0.1)
        #expect(summary.psMisleads)
        #expect(summary.threads.first?.cpuPercent == 100)
    }

    @Test(
        "a process is stopped when all of its threads are",
        arguments: [("TT", true), ("TS", false), ("SS", false), ("", false)])
    func stopped(states: String, isStopped: Bool) throws {
        var sample = process(at: 0, cpu: .zero, age: .seconds(2))
        sample.threads = states.map {
            ThreadSample(tid: 1, name: "python", cpu: .zero, runQueueWait: .zero, state: String($0))
        }
        #expect(try #require(ProcessSummary.summaries(of: [sample]).first).isStopped == isStopped)
    }

    @Test("one sample gives no CPU share, and no accusation of ps")
    func oneSample() throws {
        let summary = try #require(
            ProcessSummary.summaries(of: [process(at: 0, cpu: .seconds(1), age: .seconds(2))]).first)
        #expect(summary.cpuPercent == nil && !summary.psMisleads)
    }

    @Test("a loop's load is what its ticks or its thread's CPU say, whichever is more")
    func hiddenTime() throws {
        let window = LoopWindow(
            start: at(0), length: .milliseconds(100), pid: 1, loop: "1", thread: "NIO-ELT-0-#0", grade: .exact,
            ticks: 10,
            busy: .milliseconds(1), threadCPU: .milliseconds(80))
        let summary = try #require(LoopSummary.summaries(of: [window, window]).first)
        #expect(summary.ticksPerSecond == 100)
        #expect(summary.busyPercent == 1)
        #expect(summary.loadPercent == 80)
    }

    @Test("recursion is counted once in a function's total")
    func recursion() throws {
        let frame = Frame(kind: .python, function: "fib", file: "a.py", line: 1)
        let sample = StackSample(
            time: at(0), pid: 1, tid: 1, thread: "MainThread", activity: .running,
            stack: StackTrace([frame, frame, frame]),
            count: 2, weight: .milliseconds(20))
        let row = try #require(Profile([sample]).functions.first)
        #expect(row.total == .milliseconds(20) && row.own == .milliseconds(20) && row.totalPercent == 100)
    }

    @Test("idle stacks are not where the time went")
    func idle() {
        let sample = StackSample(
            time: at(0), pid: 1, tid: 1, thread: "MainThread", activity: .idle,
            stack: StackTrace([Frame(kind: .python, function: "select")]), count: 9, weight: .seconds(9))
        #expect(Profile([sample]).functions.isEmpty)
    }

    @Test("the slope of CPU against open connections is what an idle connection costs")
    func slope() throws {
        let points = (0..<20).map { TimelinePoint(seconds: Double($0), cpuPercent: 2 + 0.5 * Double($0), open: $0) }
        let cost = try #require(ConnectionCost(points))
        #expect(abs(cost.percentPerConnection - 0.5) < 1e-9)
        #expect(cost.explained > 0.999 && cost.isTelling)
        #expect(
            ConnectionCost(points.map { TimelinePoint(seconds: $0.seconds, cpuPercent: $0.cpuPercent, open: 5) }) == nil
        )
    }
}

private func census(at milliseconds: Int64, _ instances: [ConsumerInstance]) -> ConnectionCensus {
    ConnectionCensus(time: at(milliseconds), pid: 1, grade: .read, consumers: [], instances: instances)
}

private func closed(
    progress: UInt64, dispatching: Bool? = false, first: Bool? = nil, message: String = "websocket.disconnect",
    socket: SocketState = .closed
) -> ConsumerInstance {
    ConsumerInstance(
        id: 7, consumer: "Chat", socket: socket, lastMessage: message, lastMessageIsFirstDisconnect: first,
        dispatching: dispatching, progress: progress)
}

@Suite("Consumers that outlive their disconnect")
struct AfterlifeTests {
    @Test("one that keeps moving is hot, one that does not is cold, one seen once is undecided")
    func faces() {
        let moving = [1, 9, 17].enumerated().map { census(at: Int64($0) * 500, [closed(progress: $1)]) }
        #expect(Outliving.find(in: moving).map(\.face) == [.hot])
        // Some servers deliver two disconnects, and a busy one takes its time for the second.
        #expect(Outliving.find(in: Array(moving.prefix(2))).map(\.face) == [.undecided])
        let second = moving.prefix(2) + [census(at: 1000, [closed(progress: 9)])]
        #expect(Outliving.find(in: Array(second)).map(\.face) == [.cold])
        #expect(
            Outliving.find(in: [census(at: 0, [closed(progress: 1)]), census(at: 500, [closed(progress: 1)])]).map(
                \.face) == [.cold])
        #expect(Outliving.find(in: [census(at: 0, [closed(progress: 1)])]).map(\.face) == [.undecided])
    }

    @Test("an honest disconnect in flight is never accused, however long it takes")
    func inFlight() {
        let slow = closed(progress: 1, dispatching: true, first: true)
        #expect(Outliving.find(in: [census(at: 0, [slow]), census(at: 5000, [slow])]).isEmpty)
    }

    @Test("ten thousand that close at once: a disconnect that is due looks like one that was handled, and is none")
    func due() {
        let due = closed(progress: 1, message: "websocket.connect")
        let told = closed(progress: 2, dispatching: true)
        #expect(Outliving.find(in: [census(at: 0, [due]), census(at: 2000, [told])]).isEmpty)
        // Its message may be read a moment later than its wait.
        let torn = closed(progress: 1)
        let found = Outliving.find(in: [census(at: 0, [due]), census(at: 2000, [torn]), census(at: 4000, [told])])
        #expect(found.allSatisfy { $0.face == .undecided })
    }

    @Test(
        "where the loop hardly turns, time alone proves nothing", arguments: [(ticks: 3, isFound: false), (200, true)])
    func slowLoop(ticks: Int, isFound: Bool) {
        let due = closed(progress: 1, message: "websocket.connect")
        let windows = (0..<20).map { index in
            LoopWindow(
                start: at(Int64(index) * 100), length: .milliseconds(100), pid: 1, loop: "1", thread: "t", grade: .read,
                ticks: ticks / 20 + (index < ticks % 20 ? 1 : 0), busy: .milliseconds(99))
        }
        let found = Outliving.find(in: [census(at: 0, [due]), census(at: 2000, [due])], loops: windows)
        #expect(found.isEmpty != isFound)
    }

    @Test(
        "where ten thousand spin and the loop hardly turns, one whose turn has not come is not called cold",
        arguments: [(ticks: 3, face: Outliving.Face.undecided), (20, .cold)])
    func crowd(ticks: Int, face: Outliving.Face) {
        let windows = (0..<20).map { index in
            LoopWindow(
                start: at(Int64(index) * 100), length: .milliseconds(100), pid: 1, loop: "1", thread: "t", grade: .read,
                ticks: index < ticks ? 1 : 0, busy: .milliseconds(99))
        }
        let still = [0, 1000, 2000].map { census(at: $0, [closed(progress: 1)]) }
        #expect(Outliving.find(in: still, loops: windows).map(\.face) == [face])
    }

    @Test(
        "an idle loop turns seldom, and has delivered all that was due: who waits on it is cold", arguments: [0, 5, 60])
    func idleLoop(busy: Int64) {
        let windows = (0..<2).map { index in
            LoopWindow(
                start: at(Int64(index) * 1000), length: .milliseconds(1000), pid: 1, loop: "1", thread: "t",
                grade: .sampled, ticks: 2, busy: .milliseconds(busy))
        }
        let still = [0, 1000, 2000].map { census(at: $0, [closed(progress: 1)]) }
        #expect(Outliving.find(in: still, loops: windows).map(\.face) == [.cold])
    }

    @Test("a layer's messages move a waiting one too: it stays cold")
    func groupTraffic() {
        let story = [
            closed(progress: 1), closed(progress: 4, message: "chat.message"),
            closed(progress: 9, message: "chat.message"),
            closed(progress: 12),
        ]
        let censuses = story.enumerated().map { census(at: Int64($0) * 500, [$1]) }
        #expect(Outliving.find(in: censuses).map(\.face) == [.cold])
    }

    @Test("one that ended before the last census is not counted")
    func ended() {
        #expect(Outliving.find(in: [census(at: 0, [closed(progress: 1)]), census(at: 500, [])]).isEmpty)
    }

    @Test("an open socket, or another last message, is no afterlife", arguments: [SocketState.open, .handshake])
    func open(socket: SocketState) {
        let alive = closed(progress: 1, socket: socket)
        let chatting = closed(progress: 1, message: "chat.message")
        #expect(Outliving.find(in: [census(at: 0, [alive]), census(at: 500, [alive])]).isEmpty)
        #expect(Outliving.find(in: [census(at: 0, [chatting]), census(at: 500, [chatting])]).isEmpty)
    }

    @Test("a server that delivers two disconnects and no more is cold, not hot")
    func twoDisconnects() {
        var first = closed(progress: 3)
        first.disconnects = 1
        var second = closed(progress: 4)
        second.disconnects = 2
        #expect(Outliving.find(in: [census(at: 0, [first]), census(at: 500, [second])]).map(\.face) == [.cold])
    }

    @Test("where disconnects are counted, one census is enough: a busy machine may not get to a second")
    func countedDisconnects() {
        var spinning = closed(progress: 11_349)
        spinning.disconnects = 11_348
        #expect(Outliving.find(in: [census(at: 0, [spinning])]).map(\.face) == [.hot])
        var waiting = closed(progress: 3)
        waiting.disconnects = 1
        waiting.closedAt = at(0)
        #expect(Outliving.find(in: [census(at: 1200, [waiting])]).map(\.face) == [.cold])
        #expect(Outliving.find(in: [census(at: 100, [waiting])]).map(\.face) == [.undecided])
    }

    @Test("a message that is not the first disconnect is a redelivery, even when the receive task's address was reused")
    func redelivered() {
        let again = closed(progress: 1, first: false)
        #expect(Outliving.find(in: [census(at: 0, [again]), census(at: 500, [again])]).map(\.face) == [.hot])
    }

    @Test("an address reused by another class is another instance")
    func reusedAddress() {
        var other = closed(progress: 1)
        other.consumer = "Alarm"
        let found = Outliving.find(in: [census(at: 0, [other]), census(at: 500, [closed(progress: 9)])])
        #expect(found.map(\.face) == [.undecided])
    }
}

@Suite("What ps says")
struct LifetimeAverageTests {
    /// A process that began to spin after it had idled: two samples a second apart, with 0.98 s of CPU between them.
    private func summary(afterIdling seconds: Int64) throws -> ProcessSummary {
        let samples = [Int64(0), 1].map { second in
            ProcessSample(
                time: at(1000 * second), pid: 1, name: "python", cpu: .milliseconds(4000 + 980 * second),
                age: .seconds(seconds + second), residentBytes: 0)
        }
        return try #require(ProcessSummary.summaries(of: samples).first)
    }

    @Test("after an hour of idling it says next to nothing of a core that is full now, and that is told")
    func hour() throws {
        let summary = try summary(afterIdling: 3600)
        #expect(try #require(summary.psPercent) < 0.2 && summary.psMisleads)
        #expect(abs(try #require(summary.cpuPercent) - 98) < 0.01)
    }

    @Test("of a process that was busy all the time it tells the truth, and nothing is said")
    func always() throws { #expect(try !summary(afterIdling: 4).psMisleads) }
}
