import Testing

/// What outlives a connection on a real server: found by its own code, and told from its neighbours.
@Suite("Leaks on a real server", .serialized)
struct LeakVerdictTests {
    /// One launch for all leaks: each has to be told from its neighbours.
    static let leakLaunches: [ServerLaunch] =
        PythonEnvironment.preferred.map { python in
            [ServerLaunch(server: .uvicornSansio, python: python), ServerLaunch(server: .daphne, python: python)]
        } ?? []

    @Test(
        "what outlives a connection is found, each by its own code, place and count, and no twin is accused",
        .enabled(if: !leakLaunches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: leakLaunches)
    func leaks(_ launch: ServerLaunch) async throws {
        let codes: Set = ["LS003", "LS101", "LS106", "LS201", "LS401"]
        let sick = FixtureRoute.all.filter { !codes.isDisjoint(with: $0.codes ?? []) }
        let twins = FixtureRoute.all.filter { route in
            route.trigger == .close && (sick.contains { $0.path == route.twinOf } || route.path.contains("/honest/"))
        }
        #expect(Set(sick.flatMap { $0.codes ?? [] }) == codes && twins.count >= 8)
        try await ServerFixture.with(launch) { server in
            for twin in twins { _ = try await ChurnClient.churn(server, twin.path, connections: 5) }
            let clean = try await AttachedReport.attaching(to: server.pid, seconds: 6).report
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            #expect(codes.isSubset(of: clean.checked), "\(clean.checked)")

            for route in sick where route.trigger == .close {
                _ = try await ChurnClient.churn(server, route.path, connections: 5)
            }
            var clients: [ChildProcess] = []
            for route in sick where route.trigger == .connect {
                for _ in 0..<5 { clients.append(try await HangingClient.start(server, route.path)) }
            }
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 6).report
            for client in clients { _ = try await client.finish() }
            #expect(
                Set(report.findings.map(\.code)) == codes && report.findings.count == sick.count, "\(report.findings)")
            for route in sick {
                let finding = try #require(
                    report.findings.first { $0.code == route.codes?.first && $0.consumer == route.consumer })
                let blame = try #require(route.blame)
                // A server may have a descriptor of the same kind itself.
                #expect(finding.count == 5 || finding.code == "LS106" && finding.count == 6, "\(finding)")
                #expect(finding.location?.function == blame.function, "\(finding)")
                #expect(finding.location?.file?.hasSuffix(blame.file) == true)
                #expect(finding.location?.line == blame.line, "\(finding)")
            }
        }
    }

    @Test(
        "a handler that never returns is named while the server runs: a deploy would hang on it",
        .enabled(if: !leakLaunches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: leakLaunches)
    func stuckHandler(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/stuck-handler"))
        try await ServerFixture.with(launch) { server in
            _ = try await ChurnClient.churn(server, "/ws/stuck-handler-fixed", connections: 3, send: "x")
            let clean = try await AttachedReport.attaching(to: server.pid, seconds: 5).report
            #expect(clean.findings.isEmpty && clean.checked.contains("LS801"), "\(clean.findings)")
            _ = try await ChurnClient.churn(server, sick.path, connections: 3, send: "x", replyTimeout: 1)
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 6).report
            let finding = try #require(report.findings.first)
            #expect(report.findings.count == 1 && finding.code == "LS801" && finding.count == 3, "\(report.findings)")
            #expect(finding.blames(sick, on: launch.python) && finding.consumer == sick.consumer, "\(finding)")
            #expect(finding.source?.shown?.contains("asyncio.Event().wait()") == true)
        }
    }

    @Test(
        "without Channels, a coroutine that is left behind by every connection is named",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)),
        arguments: [ServerLaunch.Server.starlette, .aiohttp])
    func generic(_ kind: ServerLaunch.Server) async throws {
        let python = try #require(PythonEnvironment.preferred)
        try await ServerFixture.with(ServerLaunch(server: kind, python: python)) { server in
            _ = try await ChurnClient.churn(server, "/ws/task-leak-fixed", connections: 5)
            let clean = try await AttachedReport.attaching(to: server.pid, seconds: 5).report
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            // One by one: tasks that are created right after another could be a pool's.
            for _ in 0..<5 { _ = try await ChurnClient.churn(server, "/ws/task-leak", connections: 1) }
            let report = try await AttachedReport.attaching(to: server.pid, seconds: 6).report
            #expect(report.findings.map(\.code) == ["LS101"], "\(report.findings)")
            #expect(report.findings.first?.location?.function == "heartbeat")
            #expect(report.findings.first?.count == 5)
        }
    }
}
