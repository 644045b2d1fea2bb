import Commands
import Testing

/// The sentence the product is known by: attach to a real server, be told class, file and line.
@Suite("Verdict on a real server", .serialized)
struct AttachVerdictTests {
    /// Every server of Channels on the preferred minor; the commonest one on the others.
    static let launches: [ServerLaunch] = PythonEnvironment.available.flatMap { python -> [ServerLaunch] in
        let servers = ServerLaunch.Server.allCases.filter { server in
            server.isChannels
                && (Fixtures.wantsFullMatrix || server == .uvicornWebsockets
                    || python.minor == PythonEnvironment.preferred?.minor)
        }
        var rows = servers.map { ServerLaunch(server: $0, python: python) }
        if python.minor == PythonEnvironment.preferred?.minor {
            rows.append(ServerLaunch(server: .uvicornWebsockets, python: python, loop: .uvloop))
            rows.append(ServerLaunch(server: .uvicornSansio, python: python, loop: .uvloop))
        }
        return rows
    }

    @Test(
        "the swallowed stop is named by class, function, file, line and count, and an honest server is not accused",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func swallowedStop(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/swallow"))
        let twin = try #require(FixtureRoute.at("/ws/swallow-fixed"))
        let blame = try #require(sick.blame)
        try await ServerFixture.with(launch) { server in
            // The twin first: closed connections of an honest consumer, and open ones beside them.
            let clean = try await ChurnClient.holding(server, "/ws/honest/echo", connections: 2) { _ in
                _ = try await ChurnClient.churn(server, twin.path, connections: 3)
                return try await AttachedReport.attaching(to: server.pid, seconds: 2)
            }
            #expect(clean.report.findings.isEmpty, "\(clean.report.findings)")
            #expect(clean.report.checked.contains("LS001"))
            #expect(clean.status == .clean)

            _ = try await ChurnClient.churn(server, sick.path, connections: 3)
            let (report, status) = try await AttachedReport.attaching(to: server.pid, seconds: 3)
            #expect(report.findings.count == 1, "\(report.findings)")
            let finding = try #require(report.findings.first)
            #expect(sick.codes?.contains(finding.code) == true)
            #expect(finding.code == (launch.server.redelivers ? "LS001" : "LS002"))
            #expect(finding.consumer == sick.consumer)
            #expect(finding.count == 3)
            #expect(finding.grade == "read" && finding.confidence == "proof")
            #expect(finding.location?.function.hasSuffix(blame.function) == true, "\(finding)")
            #expect(finding.location?.file?.hasSuffix(blame.file) == true)
            #expect(finding.location?.line == blame.line)
            #expect(finding.location?.handlerLine == blame.handlerLine)
            #expect(status == .findings)
            #expect(report.impact.writes == 0 && report.impact.stops == 0)
        }
    }
}

extension AttachVerdictTests {
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
        #expect(sick.count == codes.count && twins.count >= 7)
        try await ServerFixture.with(launch) { server in
            for twin in twins { _ = try await ChurnClient.churn(server, twin.path, connections: 5) }
            let clean = try await attach(server.pid, seconds: 6).report
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            #expect(codes.isSubset(of: clean.checked), "\(clean.checked)")

            for route in sick where route.trigger == .close {
                _ = try await ChurnClient.churn(server, route.path, connections: 5)
            }
            var clients: [ChildProcess] = []
            for route in sick where route.trigger == .connect {
                for _ in 0..<5 { clients.append(try await HangingClient.start(server, route.path)) }
            }
            let report = try await attach(server.pid, seconds: 6).report
            for client in clients { _ = try await client.finish() }
            #expect(
                Set(report.findings.map(\.code)) == codes && report.findings.count == codes.count, "\(report.findings)")
            for route in sick {
                let finding = try #require(report.findings.first { $0.code == route.codes?.first })
                let blame = try #require(route.blame)
                #expect(finding.consumer == route.consumer)
                #expect(finding.count == 5, "\(finding)")
                #expect(finding.location?.function == blame.function, "\(finding)")
                #expect(finding.location?.file?.hasSuffix(blame.file) == true)
                #expect(finding.location?.line == blame.line, "\(finding)")
            }
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
            let clean = try await attach(server.pid, seconds: 5).report
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            _ = try await ChurnClient.churn(server, "/ws/task-leak", connections: 5)
            let report = try await attach(server.pid, seconds: 6).report
            #expect(report.findings.map(\.code) == ["LS101"], "\(report.findings)")
            #expect(report.findings.first?.location?.function == "heartbeat")
            #expect(report.findings.first?.count == 5)
        }
    }
}

extension ServerLaunch.Server {
    /// Whether the server answers each receive after the end with another disconnect: there the bug is hot.
    var redelivers: Bool { self == .uvicornWebsockets || self == .gunicorn }
}
