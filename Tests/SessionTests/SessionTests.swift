import Analysis
import Foundation
import Observations
import Recording
import Synchronization
import Testing

@testable import Session

private func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000) }

private let start = Observation.start(
    SessionStart(time: at(0), wallClock: 0, kind: .cpython, description: "fake", pid: 1, grade: .read, tool: "test"))

private func census(at time: Int64, progress: UInt64) -> Observation {
    .connections(
        ConnectionCensus(
            time: at(time), pid: 1, grade: .read,
            consumers: [ConsumerCount(consumer: "Chat", sockets: [.closed: 1], tasks: 2)],
            instances: [
                ConsumerInstance(
                    id: 7, consumer: "Chat", socket: .closed, lastMessage: "websocket.disconnect", dispatching: false,
                    progress: progress)
            ]))
}

/// Says what it is given, then waits to be cancelled, or ends.
private struct Script: Probe {
    var says: [Observation] = [
        start, census(at: 100, progress: 1), census(at: 600, progress: 9), census(at: 1100, progress: 17),
    ]
    var ends: SessionEnd.Reason?
    var fails = false

    func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        if fails { throw CocoaError(.fileNoSuchFile) }
        sink.record(says)
        if let ends { return SessionEnd(time: at(700), reason: ends) }
        while !Task.isCancelled { await Task.yield() }
        return SessionEnd(time: at(700), reason: .interrupted)
    }
}

@Suite("Session")
struct SessionTests {
    @Test("a finding is told once, while the session goes on, and stands in the report")
    func liveFinding() async throws {
        let (told, tell) = AsyncStream.makeStream(of: String.self)
        let runner = SessionRunner(judgeEvery: .milliseconds(1)) { tell.yield($0.code) }
        let outcome = try await runner.run(Script()) { _ in
            for await code in told {
                #expect(code == "LS001")
                return
            }
        }
        #expect(outcome.report.findings.map(\.code) == ["LS001"])
        #expect(outcome.end.reason == .finished)
    }

    @Test("when the time is over the session has finished; when it is cancelled it was interrupted")
    func reasons() async throws {
        #expect(try await SessionRunner().run(Script()) { _ in }.end.reason == .finished)
        let task = Task {
            try await SessionRunner().run(Script()) { _ in while !Task.isCancelled { await Task.yield() } }
        }
        task.cancel()
        #expect(try await task.value.end.reason == .interrupted)
    }

    @Test("a target that ends, ends the session", arguments: [SessionEnd.Reason.targetExited, .targetReplaced])
    func targetEnds(reason: SessionEnd.Reason) async throws {
        let outcome = try await SessionRunner().run(Script(ends: reason)) { _ in
            while !Task.isCancelled { await Task.yield() }
        }
        #expect(outcome.end.reason == reason)
        #expect(outcome.report.findings.count == 1)
    }

    @Test("what is saved gives the same report again")
    func saved() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "session-\(UUID().uuidString).loopscope").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let outcome = try await SessionRunner(save: path).run(Script()) { _ in }
        let again = try SessionRunner.report(of: try Recording(path: path))
        #expect(again.findings == outcome.report.findings && again.ledger == outcome.report.ledger)
    }

    @Test("a probe that cannot begin is an error, and leaves no file behind")
    func failure() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "session-\(UUID().uuidString).loopscope").path
        await #expect(throws: CocoaError.self) {
            try await SessionRunner().run(Script(fails: true)) { _ in while !Task.isCancelled { await Task.yield() } }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("several probes have one start, the leaders' ends decide, and a follower keeps nothing alive")
    func composite() async throws {
        let probe = CompositeProbe(
            leaders: [Script(ends: .targetExited), Script(says: [start], ends: .targetExited)],
            followers: [Script(says: [start]), Script(fails: true)])
        let outcome = try await SessionRunner().run(probe) { _ in while !Task.isCancelled { await Task.yield() } }
        #expect(outcome.end.reason == .targetExited)
        #expect(outcome.report.start?.description == "fake")
    }
}

@Suite("Live log")
struct LiveLogTests {
    @Test("tidying adds stacks up, forgets old windows, and keeps what a ledger needs")
    func tidying() {
        let stack = StackSample(
            time: at(0), pid: 1, tid: 1, thread: "t", activity: .running,
            stack: StackTrace([Frame(kind: .python, function: "f")]), count: 1, weight: .milliseconds(10))
        let opened = ConnectionEvent(time: at(0), pid: 1, connection: 1, step: .opened)
        let old = LoopWindow(start: at(0), length: .milliseconds(100), pid: 1, loop: "1", thread: "t", grade: .exact)
        var new = old
        new.start = at(100_000)
        let entries = [
            start, .stack(stack), .stack(stack), .connection(opened), .loop(old), .loop(new),
        ]
        let live = LiveLog()
        live.record(LiveLog.tidied(entries))
        let log = live.snapshot
        #expect(log.stacks().map(\.count) == [2])
        #expect(log.connections() == [opened])
        #expect(log.loops() == [new])
        #expect(log.start() != nil)
    }
}
