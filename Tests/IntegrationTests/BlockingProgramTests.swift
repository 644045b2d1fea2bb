import Foundation
import PythonTargets
import RemoteProcess
import Testing

/// `--blocking` stops the target thousands of times a second; whatever becomes of us, it must go on.
@Suite("Being killed while the target stands still")
struct BlockingProgramTests {
    /// What the kernel says of a process: its state, and who traces it.
    private static func status(of pid: Int32) throws -> (state: String, tracer: String) {
        let text = String(decoding: try ProcFS().read(pid, "status", limit: 16_384), as: UTF8.self)
        func field(_ name: String) -> String {
            text.split(separator: "\n").first { $0.hasPrefix("\(name):") }.map {
                String($0.split(separator: "\t").last?.prefix(5).prefix { $0 != " " } ?? "")
            } ?? ""
        }
        return (field("State"), field("TracerPid"))
    }

    /// Whether processes may be traced here at all.
    static let mayTrace: Bool = {
        guard let target = Interpreter.all.last.flatMap({ try? PythonTarget("wait", on: $0) }) else { return false }
        defer { target.end() }
        return ThreadStopper(tid: target.pid).stop() == .stopped
    }()

    @Test(
        "the target goes on, with all its signals", .enabled(if: mayTrace, "ptrace is not permitted here"),
        arguments: Interpreter.all.suffix(1))
    func killed(interpreter: Interpreter) async throws {
        let target = try PythonTarget("signals", on: interpreter)
        defer { target.end() }
        try #require(try Self.status(of: target.pid).tracer == "0")
        for round in 1...3 {
            let program = try ChildProcess([
                Program.path, "attach", "--pid", "\(target.pid)", "--blocking", "--rate", "max", "--duration", "60",
                "--quiet",
            ])
            // Between two stops it is nobody's.
            while try Self.status(of: target.pid).tracer == "0" { sched_yield() }
            kill(program.pid, SIGKILL)
            #expect(try await program.finish() == -SIGKILL)
            while try Self.status(of: target.pid).tracer != "0" { sched_yield() }
            #expect(try Self.status(of: target.pid).state == "R")
            kill(target.pid, SIGUSR1)
            #expect(try target.readLine() == "\(round)")
        }
    }
}
