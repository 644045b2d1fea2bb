import Commands
import Foundation
import Testing

/// The seed's scenario, judged from outside alone and with the memory read: both must say the same of every server.
@Suite("The verdict from outside", .serialized)
struct OutsideVerdictTests {
    /// A server and how the swallowed stop shows on it.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var command: [String]
        /// Spares the test the ten seconds after which daphne cancels what outlives its connection.
        var patience: [String] = []
        var code: String
        var face: String
        var currentUvicorn = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "uvicorn 0.38", command: ["uvicorn", "--port", "0", "--ws", "websockets"], code: "LS001", face: "hot"),
        Case(
            name: "current uvicorn", command: ["uvicorn", "--port", "0"], code: "LS002", face: "cold",
            currentUvicorn: true),
        Case(
            name: "daphne", command: ["daphne", "-p", "0"], patience: ["--application-close-timeout", "1"],
            code: "LS002",
            face: "bounded"),
        Case(
            name: "hypercorn", command: ["hypercorn", "--bind", "127.0.0.1:0", "--workers", "0"], code: "LS002",
            face: "cold"),
    ]

    private func command(_ one: Case, _ python: PythonEnvironment) -> [String] {
        let second = one.currentUvicorn ? ":" + python.currentUvicorn : ""
        return ["env", "PYTHONPATH=\(Fixtures.servers.path)\(second)", python.interpreter, "-m"] + one.command
    }

    /// The seed's story on a route of the servers under test.
    private func scenario(_ path: String, found: String, outside: String) throws -> String {
        let text = """
            scenario: visitors come and go
            path: \(path)
            clients: {visitor: [connect, {idle: 100 ms}, close]}
            phases:
              - {phase: visits, clients: visitor, arrivals: {rate: 20/s, for: 200 ms}, settle: 5 s}
              - {phase: what they left, for: \(found.isEmpty ? "3 s" : "20 s"), until: found}
            expect: {findings: [\(found)], outside: [\(outside)]}
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "outside-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    @Test(
        "agrees with what is read, on the sick route and on its twin",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: cases)
    func agrees(_ one: Case) async throws {
        let python = try #require(PythonEnvironment.client)
        let command = ["--exit-within", "4", "--"] + command(one, python)
        let application = ["chat.asgi:application"]
        let sick = try scenario("/ws/swallow", found: one.code, outside: "LS801")
        let clean = try scenario("/ws/swallow-fixed", found: "", outside: "")
        for (path, found) in [(sick, true), (clean, false)] {
            let outside = try await ReplayedRun.play([path, "--outside"] + command + one.patience + application)
            let read = try await ReplayedRun.play([path] + command + application)
            #expect(outside.codes == (found ? ["LS801"] : []) && outside.status == .clean, "\(outside)")
            #expect(outside.titles.allSatisfy { $0.hasSuffix("(\(one.face))") }, "\(outside.titles)")
            #expect(read.codes == (found ? [one.code] : []) && read.status == .clean, "\(read)")
            #expect(read.titles.allSatisfy { $0.hasSuffix("(\(one.face))") }, "\(read.titles)")
        }
    }

    @Test(
        "from a URL alone, with nothing to end, is open and not clean",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func url() async throws {
        let python = try #require(PythonEnvironment.client)
        let path = try scenario("/ws/swallow", found: "LS002", outside: "LS801")
        let run = try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { server in
            try await ReplayedRun.play([path, "--url", "ws://127.0.0.1:\(server.port)"])
        }
        #expect(run.status == .inconclusive && run.codes.isEmpty, "\(run)")
        #expect(run.error.contains("`--pid PID` reads it"), "\(run)")
    }
}
