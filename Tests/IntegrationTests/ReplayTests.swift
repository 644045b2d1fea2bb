import Commands
import Foundation
import Synchronization
import Testing

/// Scenarios against real servers: attached to, launched, and seen by their clients only.
@Suite("Replaying against a real server", .serialized)
struct ReplayTests {
    private func replay(_ arguments: [String]) async throws -> ReplaySummary {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        let status = await Loopscope.run(["replay", "--json"] + arguments, in: world)
        let (output, error) = printed.withLock { $0 }
        let report = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
        return ReplaySummary(
            status: status,
            codes: (report["findings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String },
            outcomes: (report["checks"] as? [[String: Any]] ?? []).compactMap { $0["outcome"] as? String },
            error: error)
    }

    private func scenario(_ path: String, expect: String, checks: String) throws -> String {
        let text = """
            scenario: some come, some go
            path: \(path)
            clients:
              visitor: [connect, {idle: 300 ms}, close]
              rude: [connect, {send: {json: {type: echo, text: x}}}, abort]
              resident: [connect, {idle: 2 s}, close]
            phases:
              - phase: visits
                clients: {visitor: 3, rude: 1, resident: 1}
                arrivals: {rate: 20/s, for: 500 ms}
                settle: 10 s
                check: [\(checks)]
            expect: {findings: [\(expect)]}
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    /// The server, and the code the swallowed stop has on it.
    static let servers: [(server: ServerLaunch.Server, code: String)] = [
        (.uvicornWebsockets, "LS001"), (.hypercorn, "LS002"),
    ]

    @Test(
        "finds the swallowed stop and clears its twin while attached",
        .enabled(if: PythonEnvironment.preferred != nil, "\(PythonEnvironment.absence)"), arguments: servers)
    func attached(server: ServerLaunch.Server, code: String) async throws {
        let python = try #require(PythonEnvironment.preferred)
        let sick = try scenario("/ws/swallow", expect: code, checks: "clients.failed == 0")
        let clean = try scenario(
            "/ws/swallow-fixed", expect: "", checks: "clients.failed == 0, consumers.alive == 0, fds.growth <= 0")
        let runs = try await ServerFixture.with(ServerLaunch(server: server, python: python)) { fixture in
            // The twin first: what the sick route leaves would be there for the rest of the server's life.
            [
                try await replay([clean, "--pid", "\(fixture.pid)"]),
                try await replay([sick, "--pid", "\(fixture.pid)"]),
            ]
        }
        #expect(runs[0].status == .clean, "\(runs[0])")
        #expect(runs[1].status == .clean && runs[1].codes == [code], "\(runs[1])")
    }

    @Test(
        "launches the server, and says that SIGTERM does not end it",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func launched() async throws {
        let python = try #require(PythonEnvironment.client)
        let command = [
            "env", "PYTHONPATH=\(Fixtures.servers.path)", python.interpreter, "-m", "uvicorn", "--host", "127.0.0.1",
            "--port", "0", "--ws", "websockets", "--log-level", "warning", "chat.asgi:application",
        ]
        let sick = try scenario("/ws/swallow", expect: "LS001", checks: "exit.seconds <= 2 s")
        let clean = try scenario("/ws/swallow-fixed", expect: "", checks: "exit.seconds <= 2 s")
        let stuck = try await replay([sick, "--exit-within", "3", "--"] + command)
        let fine = try await replay([clean, "--exit-within", "10", "--"] + command)
        #expect(stuck.codes == ["LS001"] && stuck.outcomes == ["failed"] && stuck.status == .regression, "\(stuck)")
        #expect(fine.status == .clean && fine.outcomes == ["held"], "\(fine)")
    }

    @Test(
        "sees a server that it may only talk to from outside, and claims no more",
        .enabled(if: PythonEnvironment.preferred != nil, "\(PythonEnvironment.absence)"))
    func outside() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let path = try scenario("/ws/swallow-fixed", expect: "", checks: "clients.failed == 0, consumers.stuck == 0")
        let run = try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { fixture in
            try await replay([path, "--url", "ws://127.0.0.1:\(fixture.port)"])
        }
        #expect(run.status == .inconclusive && run.outcomes == ["held", "unknown"], "\(run)")
    }
}

/// What a test looks at of a replay.
private struct ReplaySummary: Sendable, CustomStringConvertible {
    var status: ExitReason
    var codes: [String]
    var outcomes: [String]
    var error: String
    var description: String { "\(status) \(codes) \(outcomes) \(error)" }
}
