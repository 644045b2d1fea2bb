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
            #expect(finding.source?.shown?.hasSuffix("except Exception:  # handler: \(blame.marker)") == true)
            #expect(status == .findings)
            #expect(report.impact.writes == 0 && report.impact.stops == 0)
        }
    }
}

extension ServerLaunch.Server {
    /// Whether the server answers each receive after the end with another disconnect: there the bug is hot.
    var redelivers: Bool { self == .uvicornWebsockets || self == .gunicorn }
}
