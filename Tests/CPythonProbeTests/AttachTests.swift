import CPythonLayouts
import PythonTargets
import Glibc
import Testing

@testable import CPythonProbe

@Suite("Attaching to a process")
struct AttachTests {
    @Test("the interpreter is found, its version and its runtime", arguments: Interpreter.all)
    func attach(interpreter: Interpreter) throws {
        struct Truth: Decodable { var version: UInt32, runtime: UInt64 }
        let target = try PythonTarget("truth", ["1"], on: interpreter)
        defer { target.end() }
        let truth: Truth = try target.truth()
        let process = try PythonProcess(pid: target.pid)
        #expect(process.runtime == truth.runtime)
        #expect(process.version.minor == interpreter.minor)
        if interpreter.minor >= 11 { #expect(process.version.hex == truth.version) }
    }

    @Test(
        "a Python that is too old is named, with what would do",
        .enabled(if: !Interpreter.tooOld.isEmpty, "no CPython 2.7 or 3.6 to 3.8 was found"),
        arguments: Interpreter.tooOld)
    func tooOld(interpreter: Interpreter) throws {
        let target = try PythonTarget("wait", on: interpreter)
        defer { target.end() }
        let error = #expect(throws: PythonAttachError.self) { try PythonProcess(pid: target.pid) }
        guard case .layout(.unsupported(let version)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(version.minor == interpreter.minor)
    }

    @Test("a process that is no Python is said to be none")
    func notPython() throws {
        let pid = getpid()
        #expect(throws: PythonAttachError.notPython(pid)) { try PythonProcess(pid: pid) }
    }

    @Test("a process that is not there has ended")
    func gone() {
        #expect(throws: PythonAttachError.gone(0x3FFF_FFFF)) { try PythonProcess(pid: 0x3FFF_FFFF) }
    }
}
