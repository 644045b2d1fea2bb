import Commands
import Foundation
import FoundationNetworking
import Synchronization
import Testing

/// `loopscope run` against a fixture that counts itself: every number must be the same, to the unit.
@Suite("A launched server, counted", .serialized)
struct RunTests {
    @Test(
        "has as many connections, refusals, disconnects and ends as the application counted itself",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: CountedCell.all)
    func counts(cell: CountedCell) async throws {
        let python = try #require(PythonEnvironment.client)
        let run = try await CountedRun.run(cell.server, cell.python.interpreter) { port in
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 7, "--send", "hello")
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 3, "--close", "abort")
            try await Churn.run(python, port, "/ws/hang-connect-fixed", count: 2)
            try await Churn.run(python, port, "/ws/group-leak", count: 4)
            // A client may be done before the application that served it has returned.
            try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
        }
        for (path, consumer) in [
            ("/ws/swallow-fixed", "chat.consumers.swallow.SwallowFixedConsumer"),
            ("/ws/hang-connect-fixed", "chat.consumers.handshake.HangConnectFixedConsumer"),
            ("/ws/group-leak", "chat.consumers.leaks.GroupLeakConsumer"),
        ] {
            let own = try #require(run.own[path], "\(run.own)")
            let row = try #require(run.row(consumer), "\(run.report)")
            #expect(row["opened"] == own["opened"] && row["closed"] == own["opened"], "\(path): \(row) \(own)")
            #expect(row["accepted"] == own["accept", default: 0], "\(path): \(row) \(own)")
            #expect(row["started"] == own["opened"] && row["ended"] == own["returned"], "\(path): \(row) \(own)")
            #expect(row["disconnects_delivered"] == own["disconnects"], "\(path): \(row) \(own)")
            #expect(row["tasks_started"] == row["tasks_ended"] && row["stuck"] == 0, "\(path): \(row) \(own)")
        }
        let leaky = try #require(run.row("chat.consumers.leaks.GroupLeakConsumer"))
        #expect(leaky["groups_joined"] == 4 && leaky["groups_left"] == 0, "\(leaky)")
        #expect(run.grade == "exact" && !run.report.contains("overwritten before they were read"), "\(run.report)")
    }

    @Test(
        "a middleware that keeps the disconnect to itself is found by the three ends that disagree; one that does not is not",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: [true, false])
    func deaf(isDeaf: Bool) async throws {
        let python = try #require(PythonEnvironment.client)
        let run = try await Self.replay(
            "/ws/honest/echo", python, for: isDeaf ? "20 s, until: found" : "5 s", expecting: isDeaf ? "LS901" : "",
            isDeaf ? ["FIXTURE_DEAF=1"] : [])
        #expect(run.status == .clean && run.codes == (isDeaf ? ["LS901"] : []), "\(run)")
        let ends = "clients closed 2 connections, the server saw 2 end, EchoConsumer had 0 disconnects"
        #expect(run.evidence.contains(ends) == isDeaf, "\(run.evidence)")
    }

    @Test(
        "a task that swallows its cancellation is told with the function and the handler that took it",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"),
        arguments: PythonEnvironment.available.filter { Fixtures.wantsFullMatrix || [9, 13].contains($0.minorNumber) })
    func cancelled(python: PythonEnvironment) async throws {
        let run = try await Self.replay(
            "/ws/cancel-swallow", python, for: "20 s, until: found", expecting: "LS101")
        #expect(run.status == .clean && run.codes == ["LS101"], "\(run)")
        let place = try #require(run.places.first, "\(run)")
        let blame = try #require(FixtureRoute.at("/ws/cancel-swallow")?.blame)
        #expect(place.function == blame.function && place.line == blame.line, "\(place)")
        #expect(place.handler == blame.handlerLine, "\(place)")
    }

    @Test(
        "a consumer that swallows the cancellation by its server is told with the handler that took it",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"),
        arguments: PythonEnvironment.available.filter {
            Fixtures.wantsFullMatrix ? $0.minorNumber > 10 : $0.minorNumber == 13
        },
        [true, false])
    func killed(python: PythonEnvironment, swallows: Bool) async throws {
        let path = swallows ? "/ws/kill-swallow" : "/ws/stuck-disconnect"
        let run = try await Self.replay(
            path, python, for: "20 s, until: found", expecting: "LS003", on: .hurriedDaphne)
        #expect(run.codes == ["LS003"], "\(run)")
        let place = try #require(run.places.first, "\(run)")
        let blame = try #require(FixtureRoute.at(path)?.blame)
        #expect(place.function == blame.function && place.line == blame.line, "\(place)")
        #expect(place.handler == (swallows ? blame.handlerLine : nil), "\(place)")
        let swallowed = run.evidence.contains { $0.hasPrefix("cancelled after the disconnect, and went on") }
        #expect(swallowed == swallows, "\(run.evidence)")
        #expect(!run.evidence.contains { $0.contains("10 s") }, "its time limit is a second: \(run.evidence)")
    }

    @Test(
        "loses no dispatch of a spin: as many disconnects as the server delivered",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func spin() async throws {
        let python = try #require(PythonEnvironment.client)
        let limit = 50_000
        let run = try await CountedRun.run(
            .uvicorn, python.interpreter, environment: ["FIXTURE_DISCONNECTS": "\(limit)"], ending: "/exit"
        ) { port in
            try await Churn.run(python, port, "/ws/swallow-bare", count: 3)
            try await CountedRun.until(port) { $0["/ws/swallow-bare"]?["disconnects"] == limit }
        }
        let row = try #require(run.row("chat.consumers.swallow.BareSwallowConsumer"))
        #expect(row["disconnects_delivered"] == limit && row["stuck"] == 3 && row["tasks"] == 9, "\(row)")
        #expect(run.codes == ["LS001"], "\(run.report)")
        let place = try #require(run.place)
        let blame = try #require(FixtureRoute.at("/ws/swallow-bare")?.blame)
        #expect(place.function == blame.function && place.line == blame.line, "\(place)")
        #expect(place.handler == blame.handlerLine, "\(place)")
    }

    /// Two visitors of a route, whose server is counted and read until what is expected is found.
    private static func replay(
        _ path: String, _ python: PythonEnvironment, for time: String, expecting codes: String,
        _ environment: [String] = [], on server: CountedServer = .uvicorn
    ) async throws -> ReplayedRun {
        let text = """
            scenario: visitors come and go
            path: \(path)
            clients:
              visitor: [connect, {idle: 100 ms}, close]
            phases:
              - phase: visits
                clients: {visitor: 2}
                arrivals: {rate: 20/s, for: 100 ms}
              - {phase: what they left, for: \(time)}
            expect: {findings: [\(codes)]}
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "visitors-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let command =
            ["env", "PYTHONPATH=\(Fixtures.servers.path)"] + environment
            + server.command(python.interpreter, try CountedRun.freePort())
        return try await ReplayedRun.play(["--agent", "--exit-within", "1", file.path, "--"] + command)
    }
}
