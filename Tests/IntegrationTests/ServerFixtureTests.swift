import Foundation
import Glibc
import Testing

@Suite("Servers under test", .serialized)
struct ServerFixtureTests {
    /// Every server on the preferred minor, the commonest one on the others; all of them for `make matrix`.
    static let launches: [ServerLaunch] = PythonEnvironment.available.flatMap { python in
        ServerLaunch.Server.allCases
            .filter {
                Fixtures.wantsFullMatrix || $0 == .uvicornWebsockets
                    || python.minor == PythonEnvironment.preferred?.minor
            }
            .map { ServerLaunch(server: $0, python: python) }
    }

    @Test(
        "each server starts, answers, and is gone afterwards",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func startsAndEnds(_ launch: ServerLaunch) async throws {
        let pid = try await ServerFixture.with(launch) { server in
            if launch.server.isWSGI {
                #expect(
                    String(decoding: try await server.get("/bridge"), as: UTF8.self) == #"{"answers": [0, 1, 2, 3, 4]}"#
                )
            } else {
                let result = try await ChurnClient.churn(server, "/ws/honest/echo", connections: 3, send: "hello")
                #expect(result.opened == 3)
                #expect(result.unanswered.isEmpty)
                #expect(result.closed == 3)
            }
            return server.pid
        }
        #expect(kill(pid, 0) != 0 && errno == ESRCH)
    }

    @Test(
        "a server tells the truth about a consumer that will not stop, and about its clean twin",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func truthful() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let sick = try #require(FixtureRoute.at("/ws/swallow"))
        let twin = try #require(FixtureRoute.at("/ws/swallow-fixed"))
        try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { server in
            _ = try await ChurnClient.churn(server, sick.path, connections: 3)
            _ = try await ChurnClient.churn(server, twin.path, connections: 3, ending: .abort)
            let alive = try await ChurnClient.holding(server, "/ws/honest/echo", connections: 2) { _ in
                try await server.truth().alive
            }
            #expect(alive[sick.consumer] == 3)
            #expect(alive["chat.consumers.honest.EchoConsumer"] == 2)
            // The twin's connections may still be on their way out; they are never more than there were.
            #expect(alive[twin.consumer, default: 0] <= 3)
        }
    }

    @Test(
        "a server whose test throws is ended all the same",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func endsAfterAnError() async throws {
        struct Planned: Error { let pid: Int32 }
        let python = try #require(PythonEnvironment.preferred)
        let error = await #expect(throws: Planned.self) {
            try await ServerFixture.with(ServerLaunch(server: .uvicornWebsockets, python: python)) { server in
                throw Planned(pid: server.pid)
            }
        }
        let pid = try #require(error?.pid)
        #expect(kill(pid, 0) != 0 && errno == ESRCH)
    }

    @Test(
        "a real Redis carries layer messages between connections",
        .enabled(
            if: PythonEnvironment.preferred != nil && Fixtures.hasRedis,
            "needs redis-server and the Python environments"))
    func redisLayer() async throws {
        let python = try #require(PythonEnvironment.preferred)
        try await ServerFixture.with(ServerLaunch(server: .uvicornWebsockets, python: python, layer: .redis)) {
            server in
            #expect(server.redisPort != nil)
            let members = try await ChurnClient.holding(server, "/ws/honest/member", connections: 3, send: "joined") {
                _ in
                try await server.truth().groups["news"]
            }
            #expect(members == 3)
        }
    }
}

@Suite("Routes of the servers under test")
struct FixtureRouteTests {
    @Test("every sick route points at exactly one line, and every swallowing one at its handler")
    func marked() {
        let sick = FixtureRoute.all.filter(\.isSick)
        #expect(sick.count >= 20)
        for route in sick {
            #expect(route.blame?.lines(marked: "# sick: ").count == 1, "\(route)")
            if route.codes == ["LS001", "LS002"] { #expect(route.blame?.handlerLine != nil, "\(route)") }
        }
    }

    @Test("every sick route has a clean twin")
    func twins() {
        let twinned = Set(FixtureRoute.all.compactMap(\.twinOf))
        // Two consumers of one base share the twin of the first.
        let alone = FixtureRoute.all.filter { $0.isSick && !twinned.contains($0.path) }.map(\.path)
        #expect(alone == ["/ws/swallow-base-too"])
    }
}
