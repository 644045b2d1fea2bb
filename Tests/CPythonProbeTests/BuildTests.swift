import CPythonLayouts
import CThreadUser
import Clocks
import Foundation
import Observations
import PythonTargets
import RemoteProcess
import Testing

@testable import CPythonProbe

/// What an interpreter was made of, and whose process it is.
@Suite("Programs of every make, and users of every kind", .serialized)
struct BuildTests {
    /// What is read of a process.
    private struct Sight: Sendable {
        var minor: Int
        var threads: Set<Int32>
        var tasks: Int
        var functions: Set<String>
    }

    private static func look(at pid: Int32) throws -> Sight {
        let process = try PythonProcess(pid: pid)
        let window = StackSampler(process, rate: nil).run(until: .now() + .milliseconds(20))
        return Sight(
            minor: process.version.minor, threads: Set(window.stacks.map(\.tid)),
            tasks: try CensusTaker(process).take(at: .now()).tasks.total,
            functions: Set(window.stacks.flatMap { $0.stack.frames.map(\.function) }))
    }

    /// Before 3.11 a code object does not know its class.
    private static func check(_ sight: Sight, _ target: PythonTarget, _ interpreter: Interpreter) {
        #expect(sight.minor == interpreter.minor)
        #expect(sight.threads.count == 2 && sight.threads.contains(target.pid))
        #expect(sight.tasks == 4)
        #expect(
            sight.functions.isSuperset(of: [
                "obey", interpreter.minor < 11 ? "run_forever" : "BaseEventLoop.run_forever",
            ]))
    }

    /// The interpreters that are a library of their own, on this machine's root.
    static let shared: [(interpreter: Interpreter, library: String)] = Interpreter.all.compactMap { interpreter in
        guard let target = try? PythonTarget("wait", on: interpreter) else { return nil }
        defer { target.end() }
        let files = (try? MemoryMaps(of: target.pid))?.files.map(\.path) ?? []
        return files.first { $0.contains("/libpython") && FileManager.default.isReadableFile(atPath: $0) }
            .map { (interpreter, $0) }
    }

    private static let strip = "/usr/bin/strip"
    private static let mayStrip = FileManager.default.isExecutableFile(atPath: strip) && !shared.isEmpty

    @Test(
        "a library without symbols is read as any other",
        .enabled(if: mayStrip, "no strip, or no CPython here that is a library"), arguments: shared.map(\.interpreter))
    func stripped(interpreter: Interpreter) throws {
        let library = try #require(Self.shared.first { $0.interpreter == interpreter }?.library)
        let folder = FileManager.default.temporaryDirectory.appending(path: "loopscope-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appending(path: URL(filePath: library).lastPathComponent).path
        let strip = try Process.run(URL(filePath: Self.strip), arguments: ["--strip-all", "-o", copy, library])
        strip.waitUntilExit()
        try #require(strip.terminationStatus == 0)
        // The loader takes it for the library of the same name.
        let target = try PythonTarget(
            "hostile", on: interpreter, through: ["/usr/bin/env", "LD_PRELOAD=\(copy)"])
        defer { target.end() }
        #expect(try MemoryMaps(of: target.pid).files.map(\.path).filter { $0.contains("/libpython") } == [copy])
        Self.check(try Self.look(at: target.pid), target, interpreter)
    }

    @Test(
        "a program that has the interpreter inside, without symbols and at a fixed address, is read as any other",
        .enabled(if: Interpreter.system != nil, "no CPython 3.9 to 3.14 in /usr/bin"))
    func fixed() throws {
        let interpreter = try #require(Interpreter.system)
        let target = try PythonTarget("hostile", on: interpreter)
        defer { target.end() }
        let maps = try MemoryMaps(of: target.pid)
        #expect(!maps.files.contains { $0.path.contains("/libpython") })
        let program = try #require(maps.files.first { $0.path.hasSuffix("/python3.\(interpreter.minor)") })
        let elf = try ElfFile(of: program, in: target.pid)
        #expect(elf.hasFixedAddress && elf.section(".symtab") == nil)
        Self.check(try Self.look(at: target.pid), target, interpreter)
    }

    /// `nobody`, on every Linux.
    private static let nobody: UInt32 = 65_534

    /// What `body` comes to on a thread of an ordinary user's.
    private static func asNobody<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            OwnThread.run("nobody") {
                let failure = ctu_become(nobody)
                guard failure == 0 else {
                    continuation.resume(throwing: POSIXError(POSIXError.Code(rawValue: -failure) ?? .EPERM))
                    return
                }
                continuation.resume(with: Result(catching: body))
            }
        }
    }

    @Test(
        "an ordinary user reads a process of its own, and is refused another's",
        .enabled(if: Interpreter.system != nil && getuid() == 0, "no CPython in /usr/bin, or no root to step down from")
    )
    func ordinaryUser() async throws {
        let interpreter = try #require(Interpreter.system)
        let own = try PythonTarget(
            "hostile", on: interpreter,
            through: ["/usr/bin/setpriv", "--reuid=\(Self.nobody)", "--regid=\(Self.nobody)", "--clear-groups"])
        let other = try PythonTarget("hostile", on: interpreter)
        defer {
            own.end()
            other.end()
        }
        let pids = (own: own.pid, other: other.pid)
        Self.check(try await Self.asNobody { try Self.look(at: pids.own) }, own, interpreter)
        await #expect(throws: PythonAttachError.notPermitted(pids.other)) {
            try await Self.asNobody { _ = try Self.look(at: pids.other) }
        }
    }
}
