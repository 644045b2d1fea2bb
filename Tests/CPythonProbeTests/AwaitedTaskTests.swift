import Clocks
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("Who waits for whom")
struct AwaitedTaskTests {
    private struct Truth: Decodable { var awaits: [String: [String]] }

    @Test("every way in which a task of asyncio waits for another is told", arguments: Interpreter.all)
    func ways(interpreter: Interpreter) throws {
        let target = try PythonTarget("awaits", on: interpreter)
        defer { target.end() }
        let truth: Truth = try target.truth()
        let census = try CensusTaker(try PythonProcess(pid: target.pid)).take(at: .now(), awaited: true).tasks
        for (name, awaited) in truth.awaits {
            let group = try #require(census.groups.first { $0.name == name }, "\(name)")
            let found = try #require(group.awaits).flatMap { inner in
                [String](repeating: census.groups[inner.group].name, count: inner.count)
            }
            #expect(found.sorted() == awaited, "\(name)")
        }
    }

    @Test("an ordinary census does not ask", arguments: Interpreter.all.suffix(1))
    func unasked(interpreter: Interpreter) throws {
        let target = try PythonTarget("many", ["3"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        #expect(process.hasAsyncio)
        #expect(try CensusTaker(process).take(at: .now()).tasks.groups.allSatisfy { $0.awaits == nil })
        let asked = try CensusTaker(process).take(at: .now(), awaited: true).tasks
        // Three tasks that are gathered, by the main one.
        let main = try #require(asked.groups.first { $0.name == "main" })
        #expect(main.awaits?.map(\.count) == [3])
        #expect(main.awaits?.first?.example?.hasPrefix("Task-") == true)
    }
}
