import Clocks
import Foundation
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("Asking a running interpreter to run a script", .serialized)
struct ScriptRequestTests {
    static let takers = Interpreter.all.filter { $0.minor >= 14 }
    static let others = Interpreter.all.filter { $0.minor < 14 }

    private func script(_ text: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "loopscope-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let file = folder.appending(path: "script.py")
        try Data(text.utf8).write(to: file)
        return file
    }

    @Test(
        "3.14 runs it between two bytecodes of its main thread, once, after three writes",
        .enabled(if: !takers.isEmpty, "no CPython 3.14 found"), arguments: takers)
    func runs(interpreter: Interpreter) throws {
        let file = try script("import sys; print('told', sorted(set(globals()) - {'__builtins__'}), flush=True)\n")
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        let target = try PythonTarget("remote", on: interpreter)
        defer { target.end() }
        let request = try ScriptRequest(PythonProcess(pid: target.pid))
        #expect(request.writeCount == 0)
        try request.post(file.path)
        #expect(request.writeCount == 3)
        #expect(try !request.isTaken(), "it waits for a line in the kernel")
        #expect(throws: ScriptRequest.Refusal.busy) { try request.post(file.path) }
        try target.say("go")
        let lines = [try target.readLine(), try target.readLine()]
        #expect(Set(lines) == ["told ['sys']", "go"])
        #expect(try request.isTaken())
        try target.say("again")
        #expect(try target.readLine() == "again")
    }

    @Test(
        "a request that nobody took can be taken back", .enabled(if: !takers.isEmpty, "no CPython 3.14 found"),
        arguments: takers)
    func withdraws(interpreter: Interpreter) throws {
        let target = try PythonTarget("remote", on: interpreter)
        defer { target.end() }
        let request = try ScriptRequest(PythonProcess(pid: target.pid))
        try request.post("/nowhere/script.py")
        try request.withdraw()
        try target.say("go")
        #expect(try target.readLine() == "go")
        #expect(throws: ScriptRequest.Refusal.path(limit: 511)) { try request.post(String(repeating: "a", count: 512)) }
        #expect(throws: ScriptRequest.Refusal.path(limit: 511)) { try request.post("a\0b") }
    }

    @Test(
        "an interpreter whose door is closed is not written to", .enabled(if: !takers.isEmpty, "no CPython 3.14 found"),
        arguments: takers)
    func closed(interpreter: Interpreter) throws {
        let target = try PythonTarget(
            "remote", on: interpreter, through: ["/usr/bin/env", "PYTHON_DISABLE_REMOTE_DEBUG=1"])
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        #expect(throws: ScriptRequest.Refusal.disabled) { _ = try ScriptRequest(process).writeCount }
    }

    @Test(
        "an older interpreter has no such door", .enabled(if: !others.isEmpty, "no older CPython found"),
        arguments: others)
    func older(interpreter: Interpreter) throws {
        let target = try PythonTarget("remote", on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        #expect(throws: ScriptRequest.Refusal.tooOld(process.version)) { _ = try ScriptRequest(process).writeCount }
    }
}
