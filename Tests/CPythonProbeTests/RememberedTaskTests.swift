import CPythonLayouts
import Clocks
import Glibc
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("Tasks that are remembered from one census to the next")
struct RememberedTaskTests {
    private struct Truth: Decodable {
        var consumers: [String: [String: Int]]
        var works: [String: Int]
    }

    /// Tells the target to change, and holds it still while `body` looks at it.
    private static func change(
        _ target: PythonTarget, _ body: (Truth) throws -> Void
    ) throws {
        try target.say("go")
        let line = try #require(try target.readLine())
        kill(target.pid, SIGSTOP)
        defer { kill(target.pid, SIGCONT) }
        while try ThreadState(of: target.pid, in: target.pid).read()?.state != UInt8(ascii: "T") { sched_yield() }
        try body(try target.truth(Truth.self, in: line))
    }

    @Test(
        "whatever changes, a census that remembers says what a new one says, and what the target says of itself",
        arguments: Interpreter.all, [1, 2])
    func sameAsNew(interpreter: Interpreter, seed: Int) throws {
        let target = try PythonTarget("changing", ["\(seed)"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let warm = CensusTaker(process)
        for step in 0..<40 {
            try Self.change(target) { truth in
                let (here, now): (Comment, Moment) = ("seed \(seed), step \(step)", .now())
                let census = try warm.take(at: now)
                let fresh = try CensusTaker(process).take(at: now)
                #expect(Set(census.tasks.groups) == Set(fresh.tasks.groups), here)
                #expect(census.connections == fresh.connections, here)
                #expect(census.loops == fresh.loops, here)
                // What was seen once more without any change.
                #expect(try warm.take(at: now).tasks == census.tasks, here)
                let counts = Dictionary(
                    uniqueKeysWithValues: census.connections.consumers.map { count in
                        (count.consumer, Dictionary(uniqueKeysWithValues: count.sockets.map { ($0.rawValue, $1) }))
                    })
                #expect(counts == truth.consumers, here)
                let works = census.tasks.groups.filter { $0.name.hasPrefix("work") && $0.state != .finished }
                #expect(
                    Dictionary(works.map { ($0.name, $0.count) }, uniquingKeysWith: +) == truth.works, here)
            }
        }
    }

    @Test("tasks that stand still are read once", arguments: Interpreter.all)
    func once(interpreter: Interpreter) throws {
        let target = try PythonTarget("truth", ["500"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let walker = TaskWalker(process, TargetSources(of: process))
        for round in 0..<4 {
            _ = walker.begin()
            let facts = try walker.facts()
            #expect(facts.count > 500)
            // The one that runs is read each time.
            #expect(walker.tasksRead == (round == 0 ? facts.count : 1))
        }
    }
}
