import Foundation
import Testing

/// The live view in a real terminal: it takes it, follows its size, and gives it back.
@Suite("top in a terminal", .serialized)
struct TopTests {
    private struct Outcome: Decodable {
        let status: Int32
        let restored: Bool
        let entered: Int
        let left: Int
        let cursor: Bool
        let end: String
        let widest: Int
        let frames: Int
    }

    private static var program: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "loopscope").path
    }

    private func drive(_ steps: [String], pid: Int32) async throws -> Outcome {
        try await drive(steps, ["top", "--pid", "\(pid)", "--color", "never"])
    }

    private func drive(_ steps: [String], _ command: [String]) async throws -> Outcome {
        let script = Fixtures.repository.appendingPathComponent("fixtures/terminal/drive.py").path
        let child = try ChildProcess(
            ["python3", script] + steps + ["--", Self.program] + command)
        let line = try await child.readLine()
        _ = try await child.finish()
        return try JSONDecoder().decode(Outcome.self, from: Data(try #require(line).utf8))
    }

    @Test(
        "it shows the finding, fits the window it is given, and ends with q or Ctrl-C as if it had never been there",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func live() async throws {
        let python = try #require(PythonEnvironment.preferred)
        try await ServerFixture.with(ServerLaunch(server: .uvicornWebsockets, python: python)) { server in
            _ = try await ChurnClient.churn(server, "/ws/swallow", connections: 2)
            let name = "SwallowConsumer: swallowed stop (hot) ×2  LS001"
            for key in ["q", "\u{3}"] {
                let outcome = try await drive(
                    ["--expect", name, "--resize", "62x14", "--expect", "swallowed stop", "--press", key],
                    pid: server.pid)
                #expect(outcome.status == 0 && outcome.restored && outcome.cursor, "\(outcome)")
                #expect(outcome.entered == 1 && outcome.left == 1 && outcome.frames > 2)
                #expect(outcome.widest <= 62)
                #expect(outcome.end.contains("SwallowConsumer.dispatch") && outcome.end.contains("LS001"))
            }
        }
    }

    @Test(
        "`run` shows its counts there, gives the terminal back, and then lets the server's own words through",
        .enabled(if: PythonEnvironment.client != nil, Comment(rawValue: PythonEnvironment.absence)))
    func run() async throws {
        let python = try #require(PythonEnvironment.client)
        let port = try CountedRun.freePort()
        let server =
            ["env", "PYTHONPATH=\(Fixtures.servers.path)"] + CountedServer.uvicorn.command(python.interpreter, port)
        async let shown = drive(
            ["--expect", "loopscope run · uvicorn", "--expect", "opened", "--press", "q"],
            ["run", "--color", "never", "--"] + server)
        try await CountedRun.until(port) { _ in true }
        try await Churn.run(python, port, "/ws/swallow-fixed", count: 3)
        let outcome = try await shown
        #expect(outcome.restored && outcome.cursor && outcome.entered == 1 && outcome.left == 1, "\(outcome)")
        #expect(outcome.end.contains("Shutting down") && outcome.end.contains("Ledger"), "\(outcome)")
    }
}
