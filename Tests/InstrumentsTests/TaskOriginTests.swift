import Observations
import Testing

@testable import Instruments

@Suite("Tasks that outlive their instance are told by the line that started them") struct TaskOriginTests {
    private let bench = Bench()

    private func origin(_ name: String, line: UInt) -> TaskOrigin {
        TaskOrigin(name: name, function: "connect()", file: "/srv/Chat.swift", line: line)
    }

    @Test("tasks of one name started at two lines: the line of those that are left is told")
    func sameName() throws {
        let meter = bench.instance("chat.Chat")
        meter.connectionClosed(code: 1000)
        for line in [7, 9, 9] as [UInt] { meter.taskStarted(origin("ticker", line: line)) }
        meter.taskEnded(origin("ticker", line: 7))
        #expect(meter.row?.instance.waitingIn == nil, "it is served still")
        meter.instanceEnded(.returned)
        let row = try #require(meter.row)
        #expect(row.tasks == ["ticker": 2])
        #expect(row.instance.waitingIn?.line == 9)
        #expect(row.instance.waitingIn?.function == "Chat.connect")
        #expect(row.instance.waitingIn?.file == "/srv/Chat.swift")
        #expect(!row.instance.isServed)
    }

    @Test("of several lines that of most tasks is told, and when they are as many, the first by name and line")
    func most() {
        let meter = bench.instance()
        meter.connectionClosed(code: 1000)
        meter.instanceEnded(.returned)
        for (name, line) in [("b", 5), ("a", 8), ("a", 6)] { meter.taskStarted(origin(name, line: UInt(line))) }
        #expect(meter.row?.instance.waitingIn?.line == 6)
        meter.taskStarted(origin("b", line: 5))
        #expect(meter.row?.instance.waitingIn?.line == 5)
    }

    @Test("the last task to end takes the instance out of the census, and the counts balance")
    func last() {
        let meter = bench.instance()
        let ticker = origin("ticker", line: 3)
        meter.taskStarted(ticker)
        meter.connectionClosed(code: 1000)
        meter.instanceEnded(.returned)
        #expect(meter.row?.instance.tasks == 1)
        meter.taskEnded(ticker)
        #expect(meter.row == nil)
        #expect(bench.loop.liveInstances.isEmpty)
        let counts = bench.flushed().consumerWindows()
        #expect(counts.reduce(0) { $0 + $1.tasksStarted } == 1)
        #expect(counts.reduce(0) { $0 + $1.tasksEnded } == 1)
    }
}
