import Commands
import Foundation
import Testing

/// Scenarios against real servers: attached to, launched, and seen by their clients only.
@Suite("Replaying against a real server", .serialized)
struct ReplayTests {
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
        let stuck = try await ReplayedRun.play([sick, "--exit-within", "3", "--"] + command)
        let fine = try await ReplayedRun.play([clean, "--exit-within", "10", "--"] + command)
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
            try await ReplayedRun.play([path, "--url", "ws://127.0.0.1:\(fixture.port)"])
        }
        #expect(run.status == .inconclusive && run.outcomes == ["held", "unknown"], "\(run)")
    }
}
