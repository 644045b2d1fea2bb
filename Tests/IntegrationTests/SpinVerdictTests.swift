import Foundation
import Testing

/// Several classes that spin on one loop.
@Suite("Several classes that spin", .serialized)
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
