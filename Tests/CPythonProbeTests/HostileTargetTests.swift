import CPythonLayouts
import Clocks
import Glibc
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("Targets that do not hold still", .serialized)
struct HostileTargetTests {
    private static func observe(_ target: PythonTarget, for length: Nanoseconds?) async throws -> (
        SessionEnd.Reason, ObservationLog
    ) {
        let sink = Collected()
        let probe = try PythonProbe(pid: target.pid, options: .init(rate: nil, duration: length, tool: "test"))
        return (try await probe.observe(into: sink).reason, sink.log)
    }

    @Test("a target that becomes another program ends the session as replaced", arguments: Interpreter.all)
    func exec(interpreter: Interpreter) async throws {
        let target = try PythonTarget("hostile", on: interpreter)
        defer { target.end() }
        let probe = try PythonProbe(pid: target.pid, options: .init(rate: nil, tool: "test"))
        async let end = probe.observe(into: Collected())
        try target.say("exec")
        #expect(try await end.reason == .targetReplaced)
    }

    @Test("a target that forks all the time is read as any other", arguments: Interpreter.all)
    func fork(interpreter: Interpreter) async throws {
        let target = try PythonTarget("hostile", on: interpreter)
        defer { target.end() }
        try target.say("fork")
        let (reason, log) = try await Self.observe(target, for: .milliseconds(500))
        #expect(reason == .finished)
        #expect(log.quality().taken > 0)
        #expect(log.taskCensuses().first?.total == 4)
    }

    @Test("a stopped target is read, idle, and stays stopped", arguments: Interpreter.all)
    func stopped(interpreter: Interpreter) async throws {
        let target = try PythonTarget("grammar", ["10"], on: interpreter)
        defer { target.end() }
        kill(target.pid, SIGSTOP)
        while try ThreadState(of: target.pid, in: target.pid).read()?.state != UInt8(ascii: "T") { sched_yield() }
        let (reason, log) = try await Self.observe(target, for: .milliseconds(300))
        #expect(reason == .finished)
        #expect(log.quality().taken > 0)
        #expect(log.quality().lost == 0)
        #expect(Set(log.stacks().map(\.stack)).count == 1)
        #expect(try ThreadState(of: target.pid, in: target.pid).read()?.state == UInt8(ascii: "T"))
    }

    @Test("a hundred thousand tasks are counted", arguments: Interpreter.all.suffix(1))
    func many(interpreter: Interpreter) throws {
        let target = try PythonTarget("many", ["100000"], on: interpreter)
        defer { target.end() }
        let census = try CensusTaker(try PythonProcess(pid: target.pid)).take(at: .now())
        #expect(census.tasks.total == 100_001)
        #expect(census.tasks.groups.first { $0.count == 100_000 }?.stack.frames.map(\.function) == ["outer", "inner"])
    }

    @Test(
        "a target in a mount namespace of its own is found through its root",
        .enabled(if: mayUnshare, "mount namespaces are not permitted here"), arguments: Interpreter.all.prefix(2))
    func mountNamespace(interpreter: Interpreter) throws {
        let target = try PythonTarget("wait", on: interpreter, through: ["/usr/bin/unshare", "-m"])
        defer { target.end() }
        #expect(try PythonProcess(pid: target.pid).version.minor == interpreter.minor)
    }

    /// Whether a mount namespace can be made.
    static let mayUnshare: Bool = {
        guard let interpreter = Interpreter.all.first else { return false }
        return (try? PythonTarget("wait", on: interpreter, through: ["/usr/bin/unshare", "-m"])) != nil
    }()
}
