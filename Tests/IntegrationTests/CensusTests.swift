import CPythonProbe
import Observations
import Synchronization
import Testing

@Suite("A census of a real server, from outside", .serialized)
struct CensusTests {
    /// A cell of the census: a server, a route of the application and how many of its connections were closed.
    static let launches: [ServerLaunch] = PythonEnvironment.available.flatMap { python in
        ServerLaunch.Server.allCases.filter {
            !$0.isWSGI
                && (Fixtures.wantsFullMatrix || $0 == .uvicornWebsockets
                    || python.minor == PythonEnvironment.preferred?.minor)
        }.filter { [.uvicornWebsockets, .uvicornWsproto, .uvicornSansio, .daphne, .hypercorn].contains($0) }
            .map { ServerLaunch(server: $0, python: python) }
    }

    @Test(
        "a consumer that swallowed its stop is counted, its socket closed, its class, function and lines named",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func swallowed(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/swallow"))
        try await ServerFixture.with(launch) { server in
            _ = try await ChurnClient.churn(server, sick.path, connections: 2)
            let census = try await ChurnClient.holding(server, "/ws/honest/echo", connections: 3) { _ in
                try CensusTaker(PythonProcess(pid: server.servingPid)).take(at: Moment(nanoseconds: 0))
            }
            let counts = Dictionary(uniqueKeysWithValues: census.connections.consumers.map { ($0.consumer, $0) })
            let stuck = try #require(counts[sick.consumer])
            #expect(stuck.sockets == [.closed: 2])
            #expect(stuck.override?.function == sick.blame?.function)
            #expect(stuck.override?.line == sick.blame?.line)
            #expect(stuck.override?.handlerLine == sick.blame?.handlerLine)
            #expect(counts["chat.consumers.honest.EchoConsumer"]?.sockets == [.open: 3])
            #expect(counts["chat.consumers.honest.EchoConsumer"]?.override == nil)
            let rows = census.connections.instances
            #expect(rows.count == 2)
            for row in rows {
                #expect(row.consumer == sick.consumer)
                #expect(row.lastMessage == "websocket.disconnect")
                #expect(row.path == sick.path)
                #expect(row.tasks >= 2)
                #expect(row.channel != nil)
            }
        }
    }

    @Test(
        "every way to override dispatch is led back to the function that catches",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func overrides() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let routes = FixtureRoute.all.filter { $0.codes == ["LS001", "LS002"] || $0.codes == ["LS004"] }
        try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) { server in
            for route in routes { _ = try await ChurnClient.churn(server, route.path, connections: 1) }
            let census = try CensusTaker(PythonProcess(pid: server.servingPid)).take(at: Moment(nanoseconds: 0))
            let counts = Dictionary(uniqueKeysWithValues: census.connections.consumers.map { ($0.consumer, $0) })
            for route in routes {
                let override = counts[route.consumer]?.override
                #expect(override?.function == route.blame?.function, "\(route)")
                #expect(override?.line == route.blame?.line, "\(route)")
                #expect(override?.handlerLine == route.blame?.handlerLine, "\(route)")
            }
        }
    }

    @Test(
        "an unanswered handshake is told from an open socket",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)),
        arguments: launches.filter { $0.python.minor == PythonEnvironment.preferred?.minor })
    func handshake(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/hang-connect"))
        try await ServerFixture.with(launch) { server in
            let client = try await HangingClient.start(server, sick.path)
            let taker = CensusTaker(try PythonProcess(pid: server.servingPid))
            var consumers: [ConsumerCount] = []
            // The request is on its way, and its consumer may be seen before it waits: both are over within ten seconds, or
            // the test fails.
            for _ in 0..<500 where consumers.first?.sockets[.handshake] == nil {
                consumers = try taker.take(at: Moment(nanoseconds: 0)).connections.consumers
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(consumers.map(\.consumer) == [sick.consumer])
            #expect(consumers.first?.sockets == [.handshake: 1])
            _ = try await client.finish()
        }
    }

    @Test(
        "uvloop's own counter gives the ticks",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func uvloop() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let launch = ServerLaunch(server: .uvicornWebsockets, python: python, loop: .uvloop)
        try await ServerFixture.with(launch) { server in
            let sink = Kept()
            let probe = try PythonProbe(
                pid: server.servingPid, options: .init(duration: .milliseconds(2500), tool: "test"))
            #expect(probe.description.contains("uvicorn 0."))
            #expect(probe.description.contains("/uvloop, CPython \(python.minor)."))
            _ = try await ChurnClient.holding(server, "/ws/honest/echo", connections: 1) { _ in
                try await probe.observe(into: sink)
            }
            let loop = try #require(sink.log.loops().last)
            #expect(loop.grade == .read)
            // uvicorn itself looks around ten times a second.
            #expect((loop.ticks ?? 0) >= 2)
        }
    }
}

/// Keeps everything that a probe says.
private final class Kept: ObservationSink {
    private let kept = Mutex<[Observation]>([])
    func record(_ observations: [Observation]) { kept.withLock { $0 += observations } }
    var log: ObservationLog { ObservationLog(kept.withLock { $0 }) }
}
