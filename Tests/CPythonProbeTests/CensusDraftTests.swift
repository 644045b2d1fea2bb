import Clocks
import CPythonLayouts
import Observations
import PythonTargets
import Synchronization
import TargetMemory
import Testing

@testable import CPythonProbe

/// Memory of which one read fails, as of a target that execs or ends just then.
private final class FailingMemory: RemoteMemory {
    private let source: any RemoteMemory
    private var left: Int

    init(_ source: any RemoteMemory, failingAt read: Int) { (self.source, left) = (source, read) }

    /// Whether the read that fails has come.
    var hasFailed: Bool { left < 0 }

    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        left -= 1
        if left == -1 { throw .unmapped(address: address, count: buffer.count) }
        try source.read(at: address, into: buffer)
    }
}

@Suite("A census that is being drawn up", .serialized)
struct CensusDraftTests {
    @Test(
        "a task that cannot be read to its end leaves no place for those that are like it", arguments: Interpreter.all)
    func failing(interpreter: Interpreter) throws {
        let target = try PythonTarget("many", ["3"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        var failures = 0
        for place in 0..<400 {
            let walker = TaskWalker(process)
            let sources = TargetSources(of: process)
            var classes = ConsumerClasses(sources, pid: target.pid)
            var draft = CensusDraft(process, codes: walker.codes, sources: sources, clock: CensusClock(now: .now()))
            var walked: [(WalkedTask, ObjectReader)] = []
            try walker.walk(walker.begin()) { (task, reader) throws(RemoteReadError) in walked.append((task, reader)) }
            try #require(walked.count == 4)
            let memory = FailingMemory(process.memory, failingAt: place)
            let failing = ObjectReader(memory, layout: process.layout)
            for (index, (task, reader)) in walked.enumerated() {
                try? draft.noteTask(task, index, memory.hasFailed ? reader : failing, &classes)
            }
            let census = draft.census(walked[0].1)
            #expect(census.tasks.total >= 3, "read \(place)")
            guard memory.hasFailed else { break }
            failures += 1
        }
        #expect(failures > 3)
    }
}
