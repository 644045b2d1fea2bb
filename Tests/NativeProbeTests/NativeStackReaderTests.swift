import Foundation
import Observations
import RemoteProcess
import Testing

@testable import NativeProbe

/// A `cat` of ours that repeats what it is told.
private final class Cat {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    var pid: Int32 { process.processIdentifier }

    init() throws {
        process.executableURL = URL(filePath: "/bin/cat")
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try echo()
    }

    /// Says something and waits until it has come back.
    func echo() throws {
        try input.fileHandleForWriting.write(contentsOf: Data("ready\n".utf8))
        let answer = try output.fileHandleForReading.read(upToCount: 6)
        #expect(answer == Data("ready\n".utf8))
    }

    func end() {
        kill(pid, SIGKILL)  // the tests' threads block SIGTERM, and their children inherit it
        process.waitUntilExit()
    }
}

/// Whether another process of ours may be traced here.
private let mayTrace: Bool = {
    guard let cat = try? Cat() else { return false }
    defer { cat.end() }
    return (try? NativeStackReader(pid: cat.pid)?.stack(of: cat.pid)) != nil
}()

@Suite("Native stacks of another process")
struct NativeStackReaderTests {
    @Test("a process waiting for input is seen in read, and goes on reading", .enabled(if: mayTrace, "needs ptrace"))
    func waiting() throws {
        let cat = try Cat()
        let reader = try #require(NativeStackReader(pid: cat.pid))
        let symbolizer = Symbolizer(pid: cat.pid)
        for _ in 0..<50 {
            let stack = try reader.stack(of: cat.pid)
            let frames = symbolizer.frames(for: stack.counters)
            #expect(frames.contains { $0.function.contains("libc_start") }, "down to the start: \(frames)")
            #expect(stack.stopped > .zero)
            #expect(!stack.isCut)
            try cat.echo()
        }
        #expect(try reader.stack(of: cat.pid, limit: 1).counters.count == 1)
        cat.end()
        #expect(throws: NativeStackError.self) { try reader.stack(of: cat.pid) }
    }
}
