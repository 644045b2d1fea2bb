import PythonTargets
import RemoteProcess
import TargetMemory
import Testing

@testable import CPythonLayouts

/// A set of tasks whose table is filled anew while it is read, as in a dispatch loop that makes thousands a second.
@Suite("asyncio's set of tasks, while it changes")
struct TaskRegistryTests {
    /// Memory in which a table shows some of its slots empty for a number of reads.
    private final class Rebuilding: RemoteMemory {
        let memory: ProcessMemory
        let table: RemoteAddress
        /// What is hidden at each read: the even slots, the odd ones, all (2), or none when it is over.
        var hidden: [Int]

        init(_ memory: ProcessMemory, table: RemoteAddress, hidden: [Int]) {
            (self.memory, self.table, self.hidden) = (memory, table, hidden)
        }

        func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
            try memory.read(at: address, into: buffer)
            guard address == table, !hidden.isEmpty else { return }
            let parity = hidden.removeFirst()
            for slot in 0..<(buffer.count / 16) where parity == 2 || slot % 2 == parity {
                buffer[(16 * slot)..<(16 * slot + 16)].copyBytes(from: repeatElement(0, count: 16))
            }
        }
    }

    @Test(
        "a task that was there all the time is found",
        arguments: Interpreter.all.filter { $0.minor < 14 },
        [
            // Half filled three times, then whole.
            Array(repeating: 0, count: 3),
            // Never seen whole: what was seen at any time.
            (0..<64).map { $0 % 2 },
        ])
    func found(interpreter: Interpreter, hidden: [Int]) throws {
        let target = try PythonTarget("truth", ["2"], on: interpreter)
        defer { target.end() }
        let facts: Truth = try target.truth()
        let memory = ProcessMemory(pid: target.pid)
        let reader = ObjectReader(memory, layout: try .table(for: PythonVersion(hex: facts.version)))
        let main = try #require(try reader.interpreters(runtime: facts.runtime).last)
        let asyncio = try #require(try reader.asyncio(interpreter: main))
        let name = interpreter.minor < 12 ? "_all_tasks" : "_scheduled_tasks"
        let set = try #require(try reader.value(name, in: asyncio.namespace))
        let table = try reader.word(try #require(try reader.attribute("data", of: set)), 40)
        let truth = try reader.taskAddresses(of: asyncio, interpreter: main, live: memory).addresses
        #expect(truth.count > 4)
        let blind = Rebuilding(memory, table: table, hidden: Array(repeating: 2, count: 64))
        #expect(try !reader.taskAddresses(of: asyncio, interpreter: main, live: blind).isWhole)
        let live = Rebuilding(memory, table: table, hidden: hidden)
        let found = try reader.taskAddresses(of: asyncio, interpreter: main, live: live)
        #expect(found.addresses == truth)
        // Where all tasks happen to be in slots of one kind, it was seen whole.
        #expect(found.isWhole || !live.hidden.isEmpty)
        #expect(live.hidden.count < hidden.count)
    }
}
