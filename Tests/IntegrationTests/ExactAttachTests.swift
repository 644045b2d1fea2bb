import Commands
import Foundation
import FoundationNetworking
import Testing

/// `attach --exact`: the agent in a server that runs already.
@Suite("A running server, counted", .serialized)
struct ExactAttachTests {
    static let python = PythonEnvironment.available.first { $0.minorNumber >= 14 }
    static let servers: [CountedServer] = Fixtures.wantsFullMatrix ? [.uvicorn, .daphne, .hypercorn] : [.uvicorn]

    @Test(
        "counts its next connections to the unit, says what it did, and leaves nothing of itself behind",
        .enabled(if: python != nil, "no CPython 3.14"), arguments: servers)
    func counted(server: CountedServer) async throws {
        let client = try #require(PythonEnvironment.client)
        let python = try #require(Self.python)
        let port = try CountedRun.freePort()
        let path = "PYTHONPATH=\(Fixtures.servers.path)"
        let process = try ChildProcess(
            ["env", path, "PYTHONDONTWRITEBYTECODE=1"] + server.command(python.interpreter, port))
        try await CountedRun.until(port) { _ in true }
        try await Churn.run(client, port, "/ws/swallow-fixed", count: 3)
        let before = try await CountedRun.get(port, "/traces")
        async let attached = Captured.run(
            ["attach", "--exact", "--pid", "\(process.pid)", "--duration", "8", "--json"])
        try await CountedRun.until(port) { _ in Self.isCounted(process.pid) }
        try await Churn.run(client, port, "/ws/swallow-fixed", count: 4, "--send", "hello")
        let report = await attached
        try await CountedRun.until(port) { _ in !Self.isCounted(process.pid) }
        let after = try await CountedRun.get(port, "/traces")
        try await Churn.run(client, port, "/ws/swallow-fixed", count: 2)
        try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
        let own = try #require(try await CountedRun.get(port, "/end")["/ws/swallow-fixed"])
        _ = try await process.finish()

        let row = try #require(report.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(report)")
        #expect(own["opened"] == 9 && row["opened"] == 4 && row["closed"] == 4, "\(row) \(own)")
        #expect(row["started"] == 4 && row["ended"] == 4 && row["disconnects_delivered"] == 4, "\(row)")
        #expect((report.report["impact"] as? [String: Any])?["writes"] as? Int == 6, "\(report)")
        #expect(before == after && before["modules"]?["of ours"] == 0, "\(before) \(after)")
    }

    @Test(
        "an interpreter without that door is not touched, and the other ways are named",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func older() async throws {
        let client = try #require(PythonEnvironment.client)
        let process = try ChildProcess([client.interpreter, "-u", "-c", "print('ready'); input()"])
        #expect(try await process.readLine() == "ready")
        let refused = await Captured.run(["attach", "--exact", "--pid", "\(process.pid)"])
        #expect(refused.status == .unavailable && refused.error.contains("from 3.14 on"), "\(refused)")
        #expect(refused.error.contains("loopscope run"), "\(refused)")
        _ = try await process.finish()
    }

    /// Whether the process has a memory of the agent's mapped.
    private static func isCounted(_ pid: Int32) -> Bool {
        let maps = (try? String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)) ?? ""
        return maps.contains(".ring")
    }
}
