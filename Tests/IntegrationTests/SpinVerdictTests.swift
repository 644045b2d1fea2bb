import Foundation
import Testing

/// How often consumers that spin are dispatched, alone and several classes on one loop.
@Suite("Rates of consumers that spin", .serialized)
struct SpinVerdictTests {
    /// Before and since frames are objects of their own, on both kinds of loop.
    static let launches: [ServerLaunch] =
        [PythonEnvironment.preferred, PythonEnvironment.available.first].compactMap(\.self).enumerated().map {
            ServerLaunch(server: .uvicornWebsockets, python: $0.element, loop: $0.offset == 0 ? .asyncio : .uvloop)
        }

    @Test(
        "each has its own rate: the one without thread hops is dispatched far more often",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func rates(_ launch: ServerLaunch) async throws {
        let routes = try ["/ws/swallow", "/ws/swallow-bare"].map { try #require(FixtureRoute.at($0)) }
        try await ServerFixture.with(launch) { server in
            for route in routes { _ = try await ChurnClient.churn(server, route.path, connections: 3) }
            try expectRates(try await AttachedReport.attaching(to: server.pid, seconds: 4).report, of: routes)
        }
    }

    @Test(
        "a server and loopscope that have one processor together: nobody is seen in motion, and each class has its rate",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)))
    func oneProcessor() async throws {
        let routes = try ["/ws/swallow", "/ws/swallow-bare"].map { try #require(FixtureRoute.at($0)) }
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let allowed = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
        let processor = try #require(allowed.split { !$0.isNumber }.first)
        try await ServerFixture.with(try #require(Self.launches.first)) { server in
            let pinned = try await Program.shell("taskset -acp \(processor) \(server.pid)")
            #expect(pinned.status == 0, "\(pinned)")
            for route in routes { _ = try await ChurnClient.churn(server, route.path, connections: 3) }
            let outcome = try await Program.shell(
                "exec taskset -c \(processor) loopscope attach --pid \(server.pid) --duration 4 --json 2>/dev/null")
            try expectRates(try AttachedReport(json: outcome.output), of: routes)
        }
    }

    /// Since 3.14 a task that is done is in no list, and before 3.12 a number is a name.
    static let minors = [PythonEnvironment.available.last, PythonEnvironment.available.first].compactMap(\.self)

    @Test(
        "one that spins alone has the rate that its server counts itself",
        .enabled(if: !minors.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: minors)
    func alone(_ python: PythonEnvironment) async throws {
        let port = try CountedRun.freePort()
        let server = try ChildProcess(
            CountedServer.uvicorn.command(python.interpreter, port),
            environment: ["PYTHONPATH": Fixtures.servers.path, "PYTHONDONTWRITEBYTECODE": "1"])
        do {
            try await CountedRun.until(port) { _ in true }
            try await Churn.run(python, port, "/ws/swallow-bare", count: 3)
            func disconnects() async throws -> (Int, ContinuousClock.Instant) {
                let count = try await CountedRun.get(port, "/counts")["/ws/swallow-bare"]?["disconnects"]
                return (try #require(count), .now)
            }
            let before = try await disconnects()
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 4).report
            let after = try await disconnects()
            let rate = Double(after.0 - before.0) / ((after.1 - before.1) / .seconds(1))
            let row = try #require(report.consumers?.first { $0.dispatchesPerSecond != nil }, "\(report)")
            let told = try #require(row.dispatchesPerSecond)
            // It is the rate of a part of that time.
            #expect(0.5 * rate...2 * rate ~= told, "\(rate) counted by the server, \(told) told")
            #expect(row.dispatchesSeen == nil, "it is no estimate")
        } catch {
            _ = try? await CountedRun.get(port, "/exit")
            _ = try await server.finish()
            throw error
        }
        _ = try? await CountedRun.get(port, "/exit")
        _ = try await server.finish()
    }

    private func expectRates(_ report: AttachedReport, of routes: [FixtureRoute]) throws {
        #expect(Set(report.findings.compactMap(\.consumer)) == Set(routes.map(\.consumer)), "\(report.findings)")
        let rates = try routes.map { route in
            let row = try #require(report.consumers?.first { $0.name == route.consumer })
            #expect(row.dispatchesSeen ?? 0 > 0)
            return try #require(row.dispatchesPerSecond)
        }
        #expect(rates[0] > 0 && rates[1] > rates[0], "\(rates)")
    }
}
