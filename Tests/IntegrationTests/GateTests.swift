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

    private func gate(_ path: String, _ more: [String] = []) async throws -> Gate {
        let python = try #require(PythonEnvironment.client)
        let folder = FileManager.default.temporaryDirectory
        let scenario = folder.appending(path: "gate-\(UUID().uuidString).yaml")
        let text = """
            scenario: churn
            path: \(path)
            clients: {visitor: [connect, {idle: 100 ms}, close]}
            phases: [{phase: churn, clients: visitor, population: 4, settle: 10 s}]
            """
        try Data(text.utf8).write(to: scenario)
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } },
            wallClock: { 1_795_600_800 })
        let command = [
            "env", "PYTHONPATH=\(Fixtures.servers.path)", python.interpreter, "-m", "uvicorn", "--host", "127.0.0.1",
            "--port", "0", "--log-level", "warning", "chat.asgi:application",
        ]
        let status = await Loopscope.run(
            ["gate", scenario.path, "--baseline", folder.appending(path: "no baseline").path] + more + ["--"] + command,
            in: world)
        return printed.withLock { Gate(status: status, output: $0.0, error: $0.1) }
    }

    @Test(
        "a task left behind by every connection fails it, with class and line; the twin passes within its budget",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func tasks() async throws {
        let budget = FileManager.default.temporaryDirectory.appending(path: "budget-\(UUID().uuidString).yaml")
        try Data("rules: [{metric: tasks.growth, per: connection, max: 0}, {metric: fds.growth, max: 0}]".utf8)
            .write(to: budget)
        let sick = try await gate("/ws/task-leak", ["--budget", budget.path])
        #expect(sick.status == .findings, "\(sick)")
        #expect(sick.output.contains("LS101") && sick.output.contains("TaskLeakConsumer.heartbeat"), "\(sick)")
        #expect(sick.output.contains("✗  tasks.growth per connection      1"), "\(sick)")
        let clean = try await gate("/ws/task-leak-fixed", ["--budget", budget.path])
        #expect(clean.status == .clean && clean.output.contains("gate: passed"), "\(clean)")
    }
}
