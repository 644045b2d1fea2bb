import Instruments
import ConsumerRuntime
import Demo
import EmbeddedProbe
import Glibc
import Observations
import RealtimeServer

/// Echoes a second of the embedded runtime, as a ratio to a plain NIO handler, to itself without instruments, and to
/// uvicorn with Channels: side by side in one run, in turns, because this machine's speed changes from second to second.
///
///     EchoBenchmark [rounds] [seconds a round]      LOOPSCOPE_VENV=… adds uvicorn and Channels
///     EchoBenchmark idle                            what an idle connection costs
@main struct EchoBenchmark {
    private static let connections = 50
    private static let payload = 32

    static func main() async throws {
        switch CommandLine.arguments.dropFirst().first {
        case "idle": return try IdleBenchmark.run()
        case "serve": return try await IdleBenchmark.serve(CommandLine.arguments.last ?? "")
        default: break
        }
        let arguments = CommandLine.arguments.dropFirst().compactMap(Double.init)
        let rounds = Int(arguments.first ?? 7)
        let seconds = arguments.dropFirst().first ?? 0.5

        let plain = try await PlainServer()
        let bare = try await RealtimeServer.start(application: DemoApplication.make())
        let instrument = Instrument()
        let observed = try await RealtimeServer.start(application: DemoApplication.make(), instrument: instrument)
        let probe = EmbeddedProbe(instrument)
        let observing = Task { try await probe.observe(into: Nowhere()) }
        let channels = try getenv("LOOPSCOPE_VENV").map { try ChannelsServer(venv: String(cString: $0)) }

        var servers: [(name: String, port: Int, path: String)] = [
            ("plain NIO handler", plain.port, "/"), ("runtime", bare.port, "/ws/echo/"),
            ("runtime, instrumented", observed.port, "/ws/echo/"),
        ]
        if let channels { servers.append(("uvicorn+Channels", channels.port, "/ws/echo/")) }
        let rates = try measure(servers, rounds: rounds, seconds: seconds)
        report(servers.map(\.name), rates)

        channels?.stop()
        observing.cancel()
        _ = try await observing.value
        await observed.stop()
        await bare.stop()
        await plain.stop()
    }

    /// Each server once a round, in an order that turns.
    private static func measure(
        _ servers: [(name: String, port: Int, path: String)], rounds: Int, seconds: Double
    ) throws -> [[Double]] {
        var rates = [[Double]](repeating: [], count: servers.count)
        for round in 0..<rounds {
            for turn in servers.indices {
                let place = (turn + round) % servers.count
                var client = try RawClient(
                    port: servers[place].port, path: servers[place].path, connections: connections, payload: payload)
                _ = try client.run(seconds: seconds / 10)
                rates[place].append(try client.run(seconds: seconds))
            }
        }
        return rates
    }

    /// One JSON line for each server, then one for each ratio: of rounds taken side by side, with their spread.
    private static func report(_ names: [String], _ rates: [[Double]]) {
        for (name, rates) in zip(names, rates) {
            print(
                #"{"server": "\#(name)", "connections": \#(connections), "payload": \#(payload), "#
                    + #""rounds": \#(rates.count), "messages_per_second": \#(Int(median(rates)))}"#)
        }
        for (place, other) in [(1, 0), (2, 0), (2, 1), (1, 3), (2, 3)] where other < names.count {
            let ratios = zip(rates[place], rates[other]).map { $0 / $1 }.sorted()
            let low = ratios[Int(Double(ratios.count - 1) * 0.025)]
            let high = ratios[Int((Double(ratios.count - 1) * 0.975).rounded(.up))]
            // The median's own interval, by the ranks that hold it 95 times in 100 (binomial, normal approximation).
            let half = 0.98 * Double(ratios.count).squareRoot()
            let middle = Double(ratios.count) / 2
            let least = ratios[max(0, Int(middle - half))]
            let most = ratios[min(ratios.count - 1, Int((middle + half).rounded(.up)))]
            print(
                #"{"ratio": "\#(names[place]) / \#(names[other])", "median": \#(rounded(median(ratios))), "#
                    + #""median_low": \#(rounded(least)), "median_high": \#(rounded(most)), "#
                    + #""low": \#(rounded(low)), "high": \#(rounded(high))}"#)
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

/// Takes observations and forgets them.
struct Nowhere: ObservationSink {
    func record(_ observations: [Observation]) {}
}
