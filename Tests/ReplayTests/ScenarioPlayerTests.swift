import Demo
import Observations
import RealtimeServer
import Replay
import Scenarios
import Statistics
import Testing

@Suite("A played scenario", .serialized)
struct ScenarioPlayerTests {
    /// Plays a scenario's first phase against the embedded server.
    private func play(_ clients: String, load: String = "population: 1", seed: UInt64 = 1) async throws -> ClientTally {
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let group = ClientGroup()
        var scenario = try Scenario(
            yaml: "scenario: x\npath: /ws/echo/\nclients:\n  a: \(clients)\nphases: [{phase: p, clients: a, \(load)}]")
        scenario.seed = seed
        let player = ScenarioPlayer(scenario, at: Endpoint(port: server.port), group: group, into: Nowhere())
        let tally = try await player.play(phase: 0)
        await server.stop(deadline: .zero)
        await group.stop()
        return tally
    }

    @Test("sends what its templates say and gets it back")
    func echo() async throws {
        let tally = try await play(
            "[connect, {repeat: {times: 5, steps: [{send: {text: \"${client}-${seq}\"}}, {expect: {text: \"${client}-${seq}\"}}]}}, ping, close]",
            load: "population: 3")
        #expect(tally.failures.isEmpty, "\(tally.failures)")
        #expect(tally.opened == 3 && tally.closed == 3 && tally.sent == 15)
        #expect(tally.latency.raw.total == 15 && tally.connect.raw.total == 3)
    }

    static let misbehaviours = Verb.all.filter(\.isMisbehaviour).map(\.example) + ["vanish: 50 ms", "oversize: 100 MB"]

    @Test("misbehaves in every way there is, and the server serves the next client", arguments: misbehaviours)
    func misbehaves(_ verb: String) async throws {
        let short = verb.replacing("60 s", with: "50 ms").replacing("10 s", with: "200 ms").replacing(
            "5 s", with: "200 ms"
        )
        .replacing("rate: 10}", with: "rate: 2 KiB}")
        let opens = ["silence", "slow-handshake", "close-before-accept"].contains { short.hasPrefix($0) }
        let step = short.contains(":") ? "{\(short)}" : short
        let tally = try await play(
            "[\(opens ? "" : "connect, ")\(step), connect, {send: {text: hi}}, {expect: {text: hi}}, close]")
        #expect(tally.failures.isEmpty, "\(short): \(tally.failures)")
        #expect(tally.latency.raw.total == 1)
    }

    @Test(
        "closes with the code that a violation deserves",
        arguments: [("bad-utf8", 1007), ("bad-mask", 1002), ("bad-opcode", 1002)])
    func codes(_ verb: String, _ code: Int) async throws {
        let seen = Seen()
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let group = ClientGroup()
        let scenario = try Scenario(
            yaml:
                "scenario: x\npath: /ws/echo/\nclients: {a: [connect, \(verb)]}\nphases: [{phase: p, clients: a, population: 1}]"
        )
        _ = try await ScenarioPlayer(scenario, at: Endpoint(port: server.port), group: group, into: seen).play(phase: 0)
        await server.stop(deadline: .zero)
        await group.stop()
        #expect(seen.events.first { $0.kind == .closed }?.code == code)
    }

    @Test("waits at a barrier until the last has come, and not for those who cannot")
    func barrier() async throws {
        let tally = try await play(
            "[connect, {barrier: all}, {send: {text: a}}, {expect: {text: a}}, close]",
            load: "arrivals: {rate: 20/s, for: 500 ms}")
        #expect(tally.failures.isEmpty && tally.opened == 10)
        let alone = try await play("[{connect: {path: /nowhere}}, {barrier: all}]", load: "population: 3")
        #expect(alone.failed == 3 && alone.refused == 3)
    }

    @Test("says at which step its clients failed, and how, without what was said")
    func failures() async throws {
        let wrong = try await play("[connect, {send: {text: secret}}, {expect: {text: other, within: 1 s}}]")
        #expect(wrong.failures.keys.map(\.step) == ["expect"])
        #expect(!wrong.failures.keys.contains { $0.what.contains("secret") })
        let late = try await play("[connect, {expect: {message: , within: 50 ms}}]")
        #expect(late.failures.keys.map(\.what) == ["nothing came in time"])
        let refused = try await play("[{connect: {path: /nowhere, expect: 404}}]")
        #expect(refused.failures.isEmpty && refused.refused == 1, "\(refused.failures)")
    }

    @Test("ends with its phase, whatever its clients are doing")
    func ends() async throws {
        let tally = try await play("[connect, {idle: 1 h}]", load: "population: 5, for: 300 ms")
        #expect(tally.opened == 5 && tally.closed == 5 && tally.failures.isEmpty)
    }

    @Test("that is broken off ends although clients wait at a barrier, and tells what they did until then")
    func brokenOff() async throws {
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let group = ClientGroup()
        let scenario = try Scenario(
            yaml: """
                scenario: x
                path: /ws/echo/
                clients: {early: [connect, {barrier: all}], late: [connect, {idle: 1 h}, {barrier: all}]}
                phases: [{phase: p, visits: [{client: early}, {client: late}]}]
                """)
        let player = ScenarioPlayer(scenario, at: Endpoint(port: server.port), group: group, into: Nowhere())
        let (tallies, mouth) = AsyncStream.makeStream(of: ClientTally.self)
        let playing = Task {
            defer { mouth.finish() }
            return try await player.play(phase: 0, progress: { mouth.yield($0) })
        }
        var last = ClientTally()
        for await tally in tallies {
            last = tally
            if tally.opened == 2 { playing.cancel() }
        }
        await #expect(throws: CancellationError.self) { try await playing.value }
        #expect(last.opened == 2 && last.closed == 2, "\(last)")
        await server.stop(deadline: .zero)
        await group.stop()
    }

    @Test("replaces clients that end, for as long as the phase lasts")
    func population() async throws {
        let tally = try await play("[connect, {wait: 20 ms}, close]", load: "population: 2, for: 500 ms")
        #expect(tally.started > 4 && tally.failures.isEmpty)
    }

    @Test("measures what is late from when it was due, not from when it was done")
    func omission() async throws {
        // The server renders for 300 ms on its loop; three rounds are due 10 ms apart.
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let group = ClientGroup()
        let scenario = try Scenario(
            yaml: """
                scenario: x
                path: /ws/thumbnail/
                clients:
                  a: [connect, {repeat: {times: 3, every: 10 ms, steps: [{send: {text: x}}, {expect: {message: }}]}}]
                phases: [{phase: p, clients: a, population: 1}]
                """)
        let tally = try await ScenarioPlayer(scenario, at: Endpoint(port: server.port), group: group, into: Nowhere())
            .play(phase: 0)
        await server.stop(deadline: .zero)
        await group.stop()
        // The third was due 20 ms after the first and could not be sent before two renderings had ended.
        let (raw, corrected) = (try #require(tally.latency.raw.maximum), try #require(tally.latency.corrected.maximum))
        #expect(corrected > raw + 300_000_000)
    }

    @Test("connects again as its back-off says, until the server answers")
    func reconnects() async throws {
        let tally = try await play(
            "[connect, abort, {reconnect: {backoff: constant, first: 10 ms, tries: 3}}, {send: {text: a}}, {expect: {text: a}}, close]"
        )
        #expect(tally.opened == 2 && tally.failures.isEmpty)
    }
}

private struct Nowhere: ObservationSink {
    func record(_ observations: [Observation]) {}
}
