import Commands
import Foundation
import Glibc
import Synchronization
import Testing

/// Servers that are not as one would wish: odd names, several workers, one that dies, consumers that come and go.
@Suite("Awkward servers", .serialized)
struct BadTargetTests {
    private static let python = PythonEnvironment.preferred

    @Test(
        "odd names and wrappings are data: named as they are in JSON, and obeyed by no terminal",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func oddNames() async throws {
        let python = try #require(Self.python)
        let routes = FixtureRoute.all.filter { $0.path.hasPrefix("/ws/odd/") }
        try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { server in
            for route in routes { _ = try await ChurnClient.churn(server, route.path, connections: 2) }
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 2).report
            let sick = routes.filter(\.isSick)
            #expect(Set(report.findings.compactMap(\.consumer)) == Set(sick.map(\.consumer)))
            for finding in report.findings {
                #expect(finding.code == "LS002" && finding.count == 2)
                #expect(finding.location?.function == "QuietErrors.dispatch")
            }
            let text = Mutex("")
            let world = World(output: { part in text.withLock { $0 += part } }, error: { _ in })
            _ = await Loopscope.run(["attach", "--pid", "\(server.pid)", "--duration", "1"], in: world)
            let printed = text.withLock { $0 }
            #expect(printed.contains("Zürich東京Consumer") && printed.contains("\\u{1B}[2J"))
            #expect(!printed.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
        }
    }

    @Test(
        "several workers are one finding per class, also when one of them is replaced meanwhile",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func workers() async throws {
        let python = try #require(Self.python)
        let launch = ServerLaunch(server: .uvicornSansio, python: python, workers: 2)
        try await ServerFixture.with(launch) { server in
            _ = try await ChurnClient.churn(server, "/ws/swallow", connections: 12)
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 2).report
            #expect(report.findings.map(\.code) == ["LS002"], "\(report.findings)")
            #expect(report.findings.first?.count == 12)

            let attaching = Task { try await AttachedReport.attaching(to: server.pid, seconds: 4) }
            let worker = try #require(server.workers.first)
            // It is being observed when its descriptors are being read.
            #expect(kill(worker, SIGKILL) == 0)
            let (after, _) = try await attaching.value
            #expect(after.findings.allSatisfy { $0.consumer == "chat.consumers.swallow.SwallowConsumer" })
            #expect(after.impact.writes == 0)
        }
    }

    @Test(
        "several loops in one process are told apart, and their consumers found",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func twoLoops() async throws {
        let python = try #require(Self.python)
        let process = try ChildProcess([
            python.interpreter, Fixtures.servers.appendingPathComponent("two_loops.py").path,
        ])
        let words = try #require(try await process.readLine()).split(separator: " ")
        let ports = words.dropFirst().compactMap { Int($0) }
        try #require(words.first == "ready" && ports.count == 2)
        let launch = ServerLaunch(server: .uvicornSansio, python: python)
        for (port, path, count) in [(ports[0], "/ws/swallow", 2), (ports[1], "/ws/swallow-group", 3)] {
            let server = ServerFixture(launch: launch, port: port, pid: process.pid, workers: [], redisPort: nil)
            _ = try await ChurnClient.churn(server, path, connections: count)
        }
        let (report, _) = try await AttachedReport.attaching(to: process.pid, seconds: 3)
        _ = try await process.finish()
        let counts = report.findings.map { "\($0.code) \($0.consumer ?? "") \($0.count)" }.sorted()
        #expect(
            counts == [
                "LS002 chat.consumers.swallow.GroupSwallowConsumer 3", "LS002 chat.consumers.swallow.SwallowConsumer 2",
            ])
        #expect(Set(report.loops?.map(\.id) ?? []).count == 2)
    }

    @Test(
        "a worker that is started while its master is observed is observed too",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func newWorker() async throws {
        let python = try #require(Self.python)
        try await ServerFixture.with(ServerLaunch(server: .gunicorn, python: python)) { server in
            let attaching = Task { try await AttachedReport.attaching(to: server.pid, seconds: 12) }
            let worker = try #require(server.workers.first)
            // gunicorn starts another in its place, and that one serves what comes now.
            #expect(kill(worker, SIGKILL) == 0)
            try await server.answersAgain()
            _ = try await ChurnClient.churn(server, "/ws/swallow", connections: 3)
            let (report, _) = try await attaching.value
            #expect(report.findings.map(\.code) == ["LS001"], "\(report.findings)")
            #expect(report.findings.first?.count == 3)
        }
    }

    @Test(
        "consumers that are born and die while they are read are not accused",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func comingAndGoing() async throws {
        let python = try #require(Self.python)
        try await ServerFixture.with(ServerLaunch(server: .uvicornWebsockets, python: python)) { server in
            let attaching = Task { try await AttachedReport.attaching(to: server.pid, seconds: 5) }
            let isDone = Mutex(false)
            let churning = Task {
                var rounds = 0
                while !isDone.withLock({ $0 }) {
                    for path in ["/ws/swallow-fixed", "/ws/task-leak-fixed", "/ws/group-leak-fixed"] {
                        _ = try await ChurnClient.churn(server, path, connections: 20)
                    }
                    rounds += 1
                }
                return rounds
            }
            let (report, _) = try await attaching.value
            isDone.withLock { $0 = true }
            #expect(try await churning.value > 0)
            #expect(report.findings.isEmpty, "\(report.findings)")
        }
    }

    @Test(
        "a shutdown that hangs is told under its cause, with what it waits for",
        .enabled(if: python != nil, Comment(rawValue: PythonEnvironment.absence)))
    func hangingShutdown() async throws {
        let python = try #require(Self.python)
        try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { server in
            _ = try await ChurnClient.churn(server, "/ws/swallow", connections: 3)
            #expect(kill(server.pid, SIGTERM) == 0)
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 4).report
            #expect(report.findings.map(\.code) == ["LS002"], "\(report.findings)")
            let evidence = report.findings.first?.evidence ?? []
            #expect(evidence.contains { $0.contains("for ever without --timeout-graceful-shutdown") })
            #expect(
                evidence.contains { $0.contains("told to end") && $0.contains("waits for them now") }, "\(evidence)")
        }
    }
}
