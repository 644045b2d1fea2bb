import Commands
import Foundation
import Testing

/// The scenarios that come with loopscope, each against a real server that has what it provokes.
@Suite("The library of scenarios", .serialized)
struct ScenarioLibraryTests {
    /// A scenario and the server that shows what it provokes.
    struct Case: Sendable, CustomTestStringConvertible {
        let file: String
        var server = ServerLaunch.Server.uvicornWebsockets
        var testDescription: String { "\(file) on \(server.rawValue)" }
    }

    static let cases = [
        Case(file: "LS001-swallowed-stop-hot"), Case(file: "LS002-swallowed-stop-cold", server: .hypercorn),
        Case(file: "LS003-stuck-disconnect", server: .uvicornSansio), Case(file: "LS004-disconnect-without-stop"),
        Case(file: "LS101-task-outlives"), Case(file: "LS106-descriptor-leak", server: .hypercorn),
        Case(file: "LS201-handshake-unanswered"), Case(file: "LS401-group-never-left", server: .daphne),
        Case(file: "LS501-serial-thread"), Case(file: "LS502-bridge-deadlock", server: .uvicornSansio),
        Case(file: "LS503-loop-per-call", server: .gunicornSync), Case(file: "LS601-blocked-loop"),
        Case(file: "LS602-busy-idle", server: .hypercorn), Case(file: "LS801-shutdown-waits", server: .uvicornSansio),
    ]

    @Test(
        "each finds what it is there for and nothing else",
        .enabled(if: PythonEnvironment.preferred != nil, "\(PythonEnvironment.absence)"), arguments: cases)
    func finds(_ one: Case) async throws {
        let python = try #require(PythonEnvironment.preferred)
        let scenario = Fixtures.scenarios.appending(path: one.file + ".yaml").path
        let run = try await ServerFixture.with(ServerLaunch(server: one.server, python: python)) { server in
            try await ReplayedRun.play([scenario, "--pid", "\(server.pid)"])
        }
        #expect(run.status == .clean && run.codes == [String(one.file.prefix(5))], "\(run)")
        #expect(run.failed == 0, "\(run)")
    }

    @Test("there is one for every finding that can be provoked from outside")
    func complete() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.scenarios.path)
        let codes = files.filter { $0.hasPrefix("LS") }.map { String($0.prefix(5)) }
        #expect(Set(codes) == Set(Self.cases.map { String($0.file.prefix(5)) }))
        let routes = FixtureRoute.all.flatMap { $0.codes ?? [] }
        #expect(Set(routes).union(["LS503"]) == Set(codes))
    }
}
