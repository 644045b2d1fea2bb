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
        "a task of which something cannot be read is counted all the same", arguments: Interpreter.all)
    func failing(interpreter: Interpreter) throws {
        let target = try PythonTarget("many", ["3"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        var failures = 0
        for place in 0..<400 {
            let sources = TargetSources(of: process)
            let walker = TaskWalker(process, sources)
            let reader = walker.begin()
            let facts = try walker.facts()
            try #require(facts.count == 4)
            var classes = ConsumerClasses(sources, pid: target.pid)
            var draft = CensusDraft(process, sources: sources, clock: CensusClock(now: .now()))
            let memory = FailingMemory(process.memory, failingAt: place)
            draft.add(facts, walker, ObjectReader(memory, layout: process.layout), &classes)
            let census = draft.census(walker, reader, nil)
            #expect(census.tasks.total == 4, "read \(place)")
            guard memory.hasFailed else { break }
            failures += 1
        }
        #expect(failures > 3)
    }
}
