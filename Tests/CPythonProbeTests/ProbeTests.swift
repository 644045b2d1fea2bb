import Clocks
import Observations
import PythonTargets
import Synchronization
import Testing

@testable import CPythonProbe

/// Keeps everything, and can be waited on.
final class Collected: ObservationSink {
    private let kept = Mutex<[Observation]>([])
    func record(_ observations: [Observation]) { kept.withLock { $0 += observations } }
    var log: ObservationLog { ObservationLog(kept.withLock { $0 }) }
}

@Suite("The probe")
struct ProbeTests {
    @Test(
        "a session begins with what the target is, and has stacks, tasks, and what it saw of types and ticks",
        arguments: Interpreter.all)
    func session(interpreter: Interpreter) async throws {
        let target = try PythonTarget("ticks", on: interpreter)
        defer { target.end() }
        let sink = Collected()
        let probe = try PythonProbe(pid: target.pid, options: .init(duration: .milliseconds(1500), tool: "test"))
        let end = try await probe.observe(into: sink)
        #expect(end.reason == .finished)
        let log = sink.log
        let start = try #require(log.start())
        #expect(start.description.hasPrefix("asyncio, CPython 3.\(interpreter.minor)."))
        #expect(log.stacks().contains { $0.stack.frames.contains { $0.function.hasSuffix("_run_once") } })
        #expect(log.quality().taken > 0)
        #expect(log.impact().writes == 0)
        #expect(log.impact().bytesRead > 0)
        #expect(log.taskCensuses().count >= 2)
        #expect(log.taskCensuses().first?.groups.contains { $0.name == "turn" } == true)
        let types = log.typeCensuses()
        #expect(
            !types.isEmpty, "the collector's lists are counted though the target makes and frees objects all the time")
        for census in types {
            #expect((census.counts["coroutine"] ?? 0) >= 1)
            #expect((census.counts["function"] ?? 0) > 100)
        }
        let loops = log.loops()
        #expect(loops.contains { ($0.ticks ?? 0) > 0 })
        for loop in loops { #expect(loop.grade == .sampled && loop.loop == "1") }
    }

    @Test("live objects are counted by type in a target that stands still", arguments: Interpreter.all)
    func types(interpreter: Interpreter) throws {
        let target = try PythonTarget("truth", ["2"], on: interpreter)
        defer { target.end() }
        let census = try #require(try CensusTaker(try PythonProcess(pid: target.pid)).types(at: .now()))
        #expect((census.counts["function"] ?? 0) > 100)
        #expect((census.counts["coroutine"] ?? 0) >= 1)
    }

    @Test("a session ends with its target, and says so")
    func targetExits() async throws {
        let interpreter = try #require(Interpreter.all.last)
        let target = try PythonTarget("ticks", on: interpreter)
        let probe = try PythonProbe(pid: target.pid, options: .init(tool: "test"))
        let sink = Collected()
        async let end = probe.observe(into: sink)
        target.end()
        #expect(try await end.reason == .targetExited)
    }

    @Test("cancelling ends a session as interrupted")
    func cancelled() async throws {
        let interpreter = try #require(Interpreter.all.last)
        let target = try PythonTarget("ticks", on: interpreter)
        defer { target.end() }
        let probe = try PythonProbe(pid: target.pid, options: .init(tool: "test"))
        let sink = Collected()
        let task = Task { try await probe.observe(into: sink) }
        task.cancel()
        #expect(try await task.value.reason == .interrupted)
    }
}
