import Foundation
import Synchronization
import Testing

/// Bad neighbours on a real server's loop are named; honest work beside them is not.
@Suite("Loops of a real server", .serialized)
struct LoopVerdictTests {
    /// Both kinds of loop on the preferred minor, and the oldest one: its frames are objects by themselves.
    static let launches: [ServerLaunch] = {
        guard let python = PythonEnvironment.preferred else { return [] }
        var launches = [ServerLaunch.Loop.asyncio, .uvloop].map {
            ServerLaunch(server: .uvicornWebsockets, python: python, loop: $0)
        }
        if let oldest = PythonEnvironment.available.first, oldest.minor != python.minor {
            launches.append(ServerLaunch(server: .uvicornSansio, python: oldest))
        }
        return launches
    }()

    /// Attaches while `connections` clients each send `messages` messages.
    private func observed(
        _ server: ServerFixture, _ path: String, connections: Int, messages: Int, seconds: Int
    ) async throws -> AttachedReport {
        try await ChurnClient.talking(server, path, connections: connections, messages: messages) {
            try await AttachedReport.attaching(to: server.pid, seconds: seconds).report
        }
    }

    @Test(
        "a blocking call is named by consumer, function, file and line; work in slices and an awaited sleep are not",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func blocked(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/block"))
        try await ServerFixture.with(launch) { server in
            for path in ["/ws/block-fixed", "/ws/honest/hard-work"] {
                let clean = try await observed(server, path, connections: 2, messages: 2, seconds: 4)
                #expect(clean.findings.isEmpty, "\(path): \(clean.findings)")
                #expect(clean.checked.contains("LS601"))
            }
            let report = try await observed(server, sick.path, connections: 3, messages: 4, seconds: 3)
            #expect(report.findings.map(\.code) == ["LS601"])
            let finding = try #require(report.findings.first)
            #expect(finding.blames(sick, on: launch.python), "\(finding)")
            #expect(finding.consumer == sick.consumer && finding.count > 1)
            #expect(finding.source?.shown?.contains("time.sleep(0.2)") == true)
            #expect(finding.evidence.contains("while dispatching websocket.receive"))
            #expect(report.impact.writes == 0 && report.impact.stops == 0)
        }
    }

    @Test(
        "a coroutine that polls with sleep(0) is named, one that waits for an event is not",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: launches)
    func idleBusy(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/busy-idle"))
        try await ServerFixture.with(launch) { server in
            let clean = try await ChurnClient.holding(server, "/ws/busy-idle-fixed", connections: 3) { _ in
                try await AttachedReport.attaching(to: server.pid, seconds: 4).report
            }
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            #expect(clean.checked.contains("LS602"))
            let report = try await ChurnClient.holding(server, sick.path, connections: 3) { _ in
                try await AttachedReport.attaching(to: server.pid, seconds: 5).report
            }
            #expect(report.findings.map(\.code) == ["LS602"])
            let finding = try #require(report.findings.first)
            #expect(finding.blames(sick, on: launch.python), "\(finding)")
            #expect(finding.consumer == sick.consumer && finding.count == 3)
        }
    }

    /// The preferred minor and the oldest one: another asgiref.
    static let bridgeLaunches = launches.filter { $0.loop == .asyncio }

    @Test(
        "calls that wait for the one thread of synchronous code are counted, and calls in a pool are not",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: bridgeLaunches)
    func serial(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/serial"))
        try await ServerFixture.with(launch) { server in
            let clean = try await observed(server, "/ws/serial-fixed", connections: 5, messages: 6, seconds: 3)
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            #expect(clean.checked.contains("LS501") && clean.checked.contains("LS502"))
            // Five seconds of calls would be over while we look, and at the last look none would wait.
            let report = try await observed(server, sick.path, connections: 5, messages: 3, seconds: 4)
            #expect(report.findings.map(\.code) == ["LS501"])
            let finding = try #require(report.findings.first)
            #expect(finding.blames(sick, on: launch.python), "\(finding)")
            #expect(finding.consumer == sick.consumer && finding.count >= 2)
        }
    }

    @Test(
        "the call that holds the one thread and waits for it is named; the same with a thread to spare is not",
        .enabled(if: !launches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: bridgeLaunches)
    func deadlock(_ launch: ServerLaunch) async throws {
        let sick = try #require(FixtureRoute.at("/ws/bridge-deadlock"))
        try await ServerFixture.with(launch) { server in
            let clean = try await observed(
                server, "/ws/bridge-deadlock-fixed", connections: 2, messages: 50, seconds: 3)
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            let report = try await ChurnClient.talking(
                server, sick.path, connections: 2, messages: 1, replyTimeout: 5
            ) {
                try await AttachedReport.attaching(to: server.pid, seconds: 4).report
            }
            #expect(report.findings.map(\.code) == ["LS502"])
            let finding = try #require(report.findings.first)
            #expect(finding.blames(sick, on: launch.python), "\(finding)")
            #expect(finding.consumer == sick.consumer)
        }
    }

    /// WSGI servers: one whose requests can be counted, each way of threads.
    static let wsgiLaunches =
        PythonEnvironment.preferred.map { python in
            [ServerLaunch.Server.gunicornSync, .gunicornGthread].map { ServerLaunch(server: $0, python: python) }
        } ?? []

    @Test(
        "a view that makes an event loop per call is named, with how many a request; one that makes one is not",
        .enabled(if: !wsgiLaunches.isEmpty, Comment(rawValue: PythonEnvironment.absence)), arguments: wsgiLaunches)
    func bridges(_ launch: ServerLaunch) async throws {
        let line = FixtureRoute.Blame(function: "many_bridges", file: "chat/bridges.py", marker: "bridge").line
        try await ServerFixture.with(launch) { server in
            let clean = try await requested("/bridge-fixed", of: server)
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            #expect(clean.checked.contains("LS503"))
            // The application has imported asyncio by now; the server is the one that it was before.
            #expect(!clean.target.description.contains("asyncio"), "\(clean.target)")
            let report = try await requested("/bridge", of: server)
            let finding = try #require(report.findings.first)
            #expect(report.findings.count == 1 && finding.code == "LS503" && finding.count == 5, "\(finding)")
            #expect(finding.location?.function == "many_bridges" && finding.location?.line == line)
        }
    }

    @Test(
        "a server that counts no requests: several loops a request are found by the connections, one a request is not",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func uncountedRequests() async throws {
        let python = try #require(PythonEnvironment.preferred)
        try await ServerFixture.with(ServerLaunch(server: .wsgiref, python: python)) { server in
            let clean = try await requested("/bridge-fixed", of: server)
            #expect(clean.findings.isEmpty, "\(clean.findings)")
            let load = try #require(clean.bridges?.first)
            #expect(load.loopsPerSecond > 0 && load.mostRequestsPerSecond ?? 0 > 0)
            let report = try await requested("/bridge", of: server)
            let finding = try #require(report.findings.first)
            #expect(report.findings.count == 1 && finding.code == "LS503" && finding.grade == "sampled", "\(finding)")
            #expect(finding.location?.function == "many_bridges")
            #expect(finding.evidence.contains { $0.contains("a request at least") }, "\(finding.evidence)")
        }
    }

    /// Attaches for three seconds while a client asks for a page again and again.
    private func requested(_ path: String, of server: ServerFixture) async throws -> AttachedReport {
        _ = try await server.get(path)
        let load = Load()
        // A request that is under way is let finish: one that is cancelled may never return.
        let requests = Task { while !load.isDone.load(ordering: .relaxed) { _ = try await server.get(path) } }
        let attached = try await AttachedReport.attaching(to: server.pid, seconds: 3)
        load.isDone.store(true, ordering: .relaxed)
        try await requests.value
        return attached.report
    }
}

/// Tells a client when it has asked often enough.
private final class Load: Sendable {
    let isDone = Atomic<Bool>(false)
}
