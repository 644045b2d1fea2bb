import Clocks
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("A dispatch loop that ends while it is read")
struct StaleDispatchTests {
    private struct Truth: Decodable {
        var consumer: String
        var tasks: Int
    }

    /// Continuous integration once saw two consumers of the class `asyncio.locks.Lock`.
    @Test("makes no consumer of the lock whose method was bound in its place", arguments: Interpreter.all)
    func lock(interpreter: Interpreter) throws {
        let target = try PythonTarget("dispatchers", on: interpreter)
        defer { target.end() }
        let truth = try target.truth(Truth.self)
        let census = try CensusTaker(try PythonProcess(pid: target.pid)).take(at: .now())
        #expect(census.connections.consumers.map(\.consumer) == [truth.consumer])
        #expect(census.connections.consumers.first?.sockets.values.reduce(0, +) == 2)
        let loops = census.tasks.groups.filter { $0.name == "await_many_dispatch" }
        #expect(loops.reduce(0) { $0 + $1.count } == truth.tasks)
    }
}
