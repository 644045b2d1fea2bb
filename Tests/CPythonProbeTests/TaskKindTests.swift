import CPythonLayouts
import PythonTargets
import TargetMemory
import Testing

@testable import CPythonProbe

@Suite("Kinds of tasks")
struct TaskKindTests {
    /// Those with tables of their own for the interpreter and for `_asyncio`.
    static let carriers = Interpreter.all.filter { $0.minor >= 14 }

    @Test("tasks written in Python and eager ones are tasks too", arguments: Interpreter.all)
    func everyMake(interpreter: Interpreter) throws {
        struct Truth: Decodable { var names: [String] }
        let target = try PythonTarget("pytasks", on: interpreter)
        defer { target.end() }
        let names = try target.truth(Truth.self).names
        let process = try PythonProcess(pid: target.pid)
        let reader = ObjectReader(PageSnapshot(of: process.memory), layout: process.layout)
        let asyncio = try #require(try reader.asyncio(interpreter: process.mainInterpreter))
        let tasks = try reader.tasks(of: asyncio, interpreter: process.mainInterpreter)
        #expect(tasks.map(\.name).filter { names.contains($0) }.sorted() == names)
        for task in tasks where names.contains(task.name) {
            #expect(task.state == .pending)
            #expect(task.waiter != 0)
            let chain = try reader.chain(of: task.coroutine, CodeTable())
            #expect(chain.links.map(\.frame.code.name) == ["waits"])
        }
    }

    @Test("what 3.14's `_asyncio` says of its tasks is believed, unless it is absurd")
    func asyncioTable() throws {
        let words: [UInt64] = [168, 136, 96, 108, 109, 120, 144, 225_864, 10_888, 936, 864, 872, 888]
        func offsets(_ words: [UInt64]) throws -> AsyncioOffsets {
            var image = MemoryImage()
            for (index, word) in words.enumerated() {
                image.store((0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }, at: 0x1000 + UInt64(8 * index))
            }
            return try AsyncioOffsets(at: 0x1000, image)
        }
        let table = try PythonLayout.table(for: PythonVersion(hex: 0x030E_0AF0))
        #expect(try offsets(words).applied(to: table) != table)
        #expect(try offsets(words).applied(to: PythonLayout.table(for: PythonVersion(hex: 0x030D_00F0))).minor == 13)
        for index in words.indices {
            var wild = words
            wild[index] = .max
            let layout = try offsets(wild).applied(to: table)
            #expect(layout == table || [10, 11].contains(index), "word \(index)")
        }
        #expect(throws: RemoteReadError.self) { try AsyncioOffsets(at: 0x9000, MemoryImage()) }
    }

    @Test(
        "a live interpreter with tables of its own says what ours say",
        .enabled(if: !carriers.isEmpty, "no CPython from 3.14 on was found"), arguments: carriers)
    func live(interpreter: Interpreter) throws {
        let target = try PythonTarget("truth", ["2"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        #expect(process.layout == (try PythonLayout.table(for: process.version)))
    }
}
