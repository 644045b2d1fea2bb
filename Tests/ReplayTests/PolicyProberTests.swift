import Demo
import Observations
import Policy
import RealtimeServer
import Synchronization
import Testing

@testable import Replay

@Suite("Asking a server for its policies")
struct PolicyProberTests {
    /// A server all of whose deadlines are short.
    private static var configuration: ServerConfiguration {
        var policy = DeliveryPolicy.hypercorn
        policy.handshakeDeadline = .milliseconds(1200)
        policy.pingInterval = .milliseconds(300)
        policy.pongDeadline = .milliseconds(300)
        return ServerConfiguration(
            policy: policy, messageLimit: 1 << 20, requestDeadline: .milliseconds(600), closeTimeout: .milliseconds(300)
        )
    }

    @Test("finds each of them, and ends as soon as it has")
    func finds() async throws {
        let server = try await RealtimeServer.start(
            application: DemoApplication.make(), configuration: Self.configuration)
        let group = ClientGroup()
        var prober = PolicyProber(Endpoint(port: server.port), path: "/ws/echo/", group: group)
        prober.residentMemory = { 50_000_000 }
        prober.idleConnections = 10
        let row = try await prober.row(within: .seconds(30))
        await server.stop(deadline: .zero)
        await group.stop()

        #expect(Set(row.answers.keys) == Set(PolicyQuestion.allCases).subtracting(PolicyQuestion.ofLaunched))
        guard case .every = row.answers[.ping], case .after(_, .close(1011)) = row.answers[.ghost] else {
            throw Failure("\(row)")
        }
        guard case .after(_, .close(1000)) = row.answers[.close] else { throw Failure("\(row)") }
        guard case .after = row.answers[.slowHead], case .after = row.answers[.silence] else { throw Failure("\(row)") }
        guard case .after = row.answers[.unansweredClose] else { throw Failure("\(row)") }
        #expect(row.answers[.message] == .limit(taken: 1 << 20, refused: 1 << 20 | 1, .close(1009)))
        guard case .after(_, .close(1009)) = row.answers[.claim] else { throw Failure("\(row)") }
        guard case .agreed(let value) = row.answers[.compression] else { throw Failure("\(row)") }
        #expect(value.hasPrefix("permessage-deflate"))
        #expect(row.answers[.idle] == .costs(bytes: 0, connections: 10))
        guard case .unknown(let why) = row.answers[.unaccepted] else { throw Failure("\(row)") }
        #expect(why.contains("--hanging-path"))
    }

    @Test("what has not happened when the time is over is said with how long it was watched")
    func watched() async throws {
        // A server that accepts, and then says nothing whatever happens.
        try await HostileServer.with { key in
            (Array("HTTP/1.1 101 Yes\r\nServer: mute\r\nUpgrade: websocket\r\n\r\n".utf8), .waits)
        } _: { server in
            let row = try await PolicyProber(Endpoint(port: server.port), path: "/", group: .shared)
                .row(within: .milliseconds(400))
            #expect(row.software == "mute")
            for question in [PolicyQuestion.ping, .ghost, .slowHead, .silence, .close, .claim] {
                guard case .notWithin(let time) = row.answers[question] else { throw Failure("\(question): \(row)") }
                #expect(time >= .milliseconds(300))
            }
            guard case .unknown = row.answers[.message] else { throw Failure("\(row)") }
            #expect(row.answers[.compression] == .declined)
        }
    }

    @Test(
        "a server that opens connections too slowly leaves time for the other questions, and its row says what was not measured"
    )
    func slow() async throws {
        let answered = Mutex(0)
        try await HostileServer.with { _ in
            // Only the first few handshakes are answered.
            let count = answered.withLock { count in
                count += 1
                return count
            }
            return (Array(count <= 6 ? "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n".utf8 : "".utf8), .waits)
        } _: { server in
            var prober = PolicyProber(Endpoint(port: server.port), path: "/", group: .shared)
            prober.residentMemory = { 50_000_000 }
            prober.idleConnections = 10
            prober.questions = [.idle, .message]
            let row = try await prober.row(within: .milliseconds(800))
            guard case .unknown(let why) = row.answers[.idle], why.hasPrefix("not measured: "),
                case .unknown = row.answers[.message]
            else { throw Failure("\(row)") }
        }
    }

    @Test(
        "a server that opens no WebSocket is refused with what it answered",
        arguments: [
            ("HTTP/1.1 200 OK\r\n\r\n", PolicyProber.Refusal.status(200)), ("HTTP/1.1 302 Found\r\n\r\n", .status(302)),
            ("HTTP/1.1 401 No\r\n\r\n", .status(401)), ("HTTP/1.1 426 Upgrade\r\n\r\n", .status(426)),
            ("SSH-2.0-OpenSSH\r\n\r\n", .notWebSocket), ("", .silent),
        ])
    func refused(_ answer: String, _ refusal: PolicyProber.Refusal) async throws {
        try await HostileServer.with { _ in
            (Array(answer.utf8), .waits)
        } _: { server in
            await #expect(throws: refusal) {
                try await PolicyProber(Endpoint(port: server.port), path: "/", group: .shared).row(
                    within: .milliseconds(200))
            }
        }
    }

    @Test("the cost of one is the slope over all steps, and nothing without two of them")
    func slope() {
        #expect(PolicyProber.slope([(10, 1000), (20, 2000), (30, 3000)]) == 100)
        #expect(PolicyProber.slope([(10, 1100), (20, 1900), (30, 3000)]) == 95)
        #expect(PolicyProber.slope([(10, 1000)]) == nil)
        #expect(PolicyProber.slope([(10, 1000), (10, 2000)]) == nil)
    }

    private struct Failure: Error { init(_ text: String) { Issue.record("\(text)") } }
}
