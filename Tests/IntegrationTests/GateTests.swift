import Commands
import Foundation
import Synchronization
import Testing

/// The gate against a real server that it launches: a leak per connection fails it, the clean twin passes.
@Suite("Gating a real server", .serialized)
struct RealGateTests {
    private struct Gate: Sendable, CustomStringConvertible {
        var status: ExitReason
        var output: String
        var error: String
        var description: String { "\(status)\n\(output)\n\(error)" }
    }

    /// One server that a gate launches, and what its clients do.
    private enum Server { case uvicorn, gunicorn }

    private func gate(_ path: String, on server: Server = .uvicorn, _ more: [String] = []) async throws -> Gate {
        let python = try #require(PythonEnvironment.client)
        let folder = FileManager.default.temporaryDirectory.appending(path: "gate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let visit =
            server == .uvicorn ? "connect, {idle: 100 ms}, close" : "{get: {path: \(path)}}, {get: {path: \(path)}}"
        let scenario = folder.appending(path: "scenario.yaml")
        let text = """
            scenario: churn
            path: \(path)
            clients: {visitor: [\(visit)]}
            phases: [{phase: churn, clients: visitor, population: 4, settle: 5 s}]
            """
        try Data(text.utf8).write(to: scenario)
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } },
            wallClock: { 1_795_600_800 })
        let environment = ["env", "PYTHONPATH=\(Fixtures.servers.path)", python.interpreter, "-m"]
        let command =
            switch server {
            case .uvicorn:
                ["uvicorn", "--host", "127.0.0.1", "--port", "0", "--log-level", "warning", "chat.asgi:application"]
            case .gunicorn: ["gunicorn", "--bind", "127.0.0.1:0", "--worker-class", "sync", "chat.wsgi"]
            }
        let status = await Loopscope.run(
            ["gate", scenario.path, "--baseline", folder.appending(path: "none").path] + more + ["--"] + environment
                + command, in: world)
        return printed.withLock { Gate(status: status, output: $0.0, error: $0.1) }
    }

    @Test(
        "what every connection leaves behind fails it, with class and line; the twin does not",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"),
        arguments: [
            ("/ws/task-leak", "tasks.growth      "), ("/ws/fd-leak", "fds.growth        "),
            ("/ws/group-leak", "groups.leaked      "), ("/ws/swallow", "consumers.stuck"),
        ])
    func leaks(_ path: String, _ metric: String) async throws {
        let route = try #require(FixtureRoute.at(path))
        let blame = try #require(route.blame)
        let sick = try await gate(path)
        #expect(sick.status == .findings, "\(sick)")
        #expect(sick.output.contains(route.consumer) && sick.output.contains(metric), "\(sick)")
        #expect(sick.output.contains("\(blame.file):\(try #require(blame.line))"), "\(sick)")
        let clean = try await gate(path + "-fixed")
        // There is no baseline: nothing else keeps it from passing.
        #expect(clean.status == .inconclusive && !clean.output.contains("✗"), "\(clean)")
    }

    @Test(
        "the same with the agent in the server, on exact counts, whatever can be read beside",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"),
        arguments: [("/ws/task-leak", "tasks.growth      "), ("/ws/group-leak", "groups.leaked      ")])
    func counted(_ path: String, _ metric: String) async throws {
        let route = try #require(FixtureRoute.at(path))
        let blame = try #require(route.blame)
        let sick = try await gate(path, ["--agent"])
        #expect(sick.status == .findings && sick.output.contains("evidence: exact"), "\(sick)")
        #expect(sick.output.contains(route.consumer) && sick.output.contains(metric), "\(sick)")
        #expect(sick.output.contains("\(blame.file):\(try #require(blame.line))"), "\(sick)")
        let clean = try await gate(path + "-fixed", ["--agent"])
        // Every rule was measured, loops too.
        #expect(clean.status == .inconclusive && !clean.output.contains("✗"), "\(clean)")
        #expect(!clean.output.contains("  ?  "), "\(clean)")
    }

    @Test(
        "an event loop more per request fails it, with the view's line; the view with one passes its budget",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func loops() async throws {
        let budget = FileManager.default.temporaryDirectory.appending(path: "budget-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: budget) }
        try Data("rules: [{metric: loops.per_request, max: 1}, {metric: fds.growth, max: 0}]".utf8).write(to: budget)
        let sick = try await gate("/bridge-twice", on: .gunicorn, ["--budget", budget.path])
        #expect(sick.status == .regression && sick.output.contains("✗  loops.per_request      2"), "\(sick)")
        let line = try #require(
            FixtureRoute.Blame(function: "two_bridges", file: "chat/bridges.py", marker: "bridge-twice").line)
        #expect(sick.output.contains("two_bridges (\(Fixtures.servers.path)/chat/bridges.py:\(line))"), "\(sick)")
        let clean = try await gate("/bridge-fixed", on: .gunicorn, ["--budget", budget.path])
        #expect(clean.status == .clean && clean.output.contains("✓  loops.per_request      1"), "\(clean)")
    }
}
