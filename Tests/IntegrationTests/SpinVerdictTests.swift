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
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 4).report
            #expect(Set(report.findings.compactMap(\.consumer)) == Set(routes.map(\.consumer)), "\(report.findings)")
            let rates = try routes.map { route in
                let row = try #require(report.consumers?.first { $0.name == route.consumer })
                #expect(row.dispatchesSeen ?? 0 > 0)
                return try #require(row.dispatchesPerSecond)
            }
            #expect(rates[0] > 0 && rates[1] > rates[0], "\(rates)")
        }
    }
}
