import ConsumerRuntime
import Demo
import Glibc
import Instruments
import Observations
import RealtimeServer
import Replay
import Synchronization

/// What Autobahn's test suite judges: our server, or our client, as a process of its own (`scripts/autobahn`).
///
///     AutobahnPeer serve          prints its port, echoes until SIGTERM, then says whether its ledger balances
///     AutobahnPeer play PORT      is the client of a fuzzing server: every case it has, then its report
@main struct AutobahnPeer {
    static func main() async throws {
        switch CommandLine.arguments.dropFirst().first {
        case "serve": try await serve()
        case "play": try await play(port: CommandLine.arguments.last.flatMap { Int($0) } ?? 0)
        default: exit(64)
        }
    }

    private static func serve() async throws {
        let instrument = Instrument(keepsBeginning: false)
        let steps = Steps()
        _ = instrument.attach(steps)
        let server = try await RealtimeServer.start(
            application: URLRouter([.init("", EchoConsumer.application())]), instrument: instrument)
        print(server.port)
        fflush(nil)
        await server.terminated()
        await server.stop(deadline: .seconds(5))
        let seen = steps.counts.withLock { $0 }
        print(
            "connections: \(seen[.opened] ?? 0) opened, \(seen[.closed] ?? 0) closed;",
            "consumers: \(seen[.started] ?? 0) started, \(seen[.ended] ?? 0) ended")
        guard seen[.opened] == seen[.closed], seen[.started] == seen[.ended] else { exit(1) }
    }

    private static func play(port: Int) async throws {
        guard case .text(let count) = try await firstConnection(port).receive(), let count = Int(count) else { exit(1) }
        for number in 1...max(1, count) {
            let path = "/runCase?case=\(number)&agent=client"
            try await echo(try await WebSocketClient.connect(port: port, path: path, compression: true))
        }
        await (try await WebSocketClient.connect(port: port, path: "/updateReports?agent=client")).ended()
    }

    /// Sends back what comes, until the end.
    private static func echo(_ client: WebSocketClient) async throws {
        while true {
            do {
                switch try await client.receive() {
                case .text(let text): try await client.send(text: text)
                case .bytes(let bytes): try await client.send(bytes: bytes)
                case .pong: break
                case .closed: return await client.ended()
                }
            } catch ClientError.closed {
                // The end came between the message and its echo; the next receive gives it.
            }
        }
    }

    /// The first answer of a server that is starting.
    private static func firstConnection(_ port: Int) async throws -> WebSocketClient {
        let end = ContinuousClock.now + .seconds(20)
        while true {
            do {
                return try await WebSocketClient.connect(port: port, path: "/getCaseCount")
            } catch ClientError.unreachable(let why) {
                guard ContinuousClock.now < end else { throw ClientError.unreachable(why) }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// Counts the steps of connections.
private final class Steps: ObservationSink {
    let counts = Mutex<[ConnectionEvent.Step: Int]>([:])
    func record(_ observations: [Observation]) {
        for case .connection(let event) in observations { counts.withLock { $0[event.step, default: 0] += 1 } }
    }
}
