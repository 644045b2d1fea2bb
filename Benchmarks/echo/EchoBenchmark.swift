import ConsumerRuntime
import Demo
import EmbeddedProbe
import Glibc
import Instruments
import Observations
import RealtimeServer
import Synchronization

/// What an echo costs the embedded runtime, as a ratio to a plain NIO handler, to itself without instruments, and to
/// uvicorn with Channels: side by side in one run, in short turns, because this machine's speed changes from second to
/// second. Echoes a second, and CPU of the serving thread an echo, which says the same on a machine that does other things.
///
///     EchoBenchmark [rounds] [seconds a turn]       LOOPSCOPE_VENV=… adds uvicorn and Channels
///     EchoBenchmark instruments [launches] [rounds] [seconds a turn] [anywhere]
///                                                   what the instruments cost, and how sure that is
///     EchoBenchmark idle                            what an idle connection costs
///     EchoBenchmark serve plain|bare|instrumented [quiet]   one of the servers, until it is killed; says its port
///     EchoBenchmark drive PORT PATH ECHOES          so many echoes of it: under a profiler, or an instruction counter
@main struct EchoBenchmark {
    static let connections = 50
    static let payload = 32

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "idle": return try IdleBenchmark.run()
        case "instruments":
            let numbers = arguments.dropFirst().compactMap(Double.init)
            return try InstrumentBenchmark.run(
                launches: Int(numbers.first ?? 20), rounds: Int(numbers.dropFirst().first ?? 50),
                seconds: numbers.dropFirst(2).first ?? 0.02, isPlaced: arguments.last != "anywhere")
        case "serve":
            return try await IdleBenchmark.serve(
                arguments.dropFirst().first ?? "", isQuiet: arguments.last == "quiet")
        case "drive":
            guard arguments.count == 4, let port = Int(arguments[1]), let most = Int(arguments[3]) else {
                throw BenchmarkError("drive PORT PATH ECHOES")
            }
            let client = try RawClient(port: port, path: arguments[2], connections: connections, payload: payload)
            return print(try client.run(seconds: 600, most: most - connections).echoes)
        default: break
        }
        let numbers = arguments.compactMap(Double.init)
        try await compare(rounds: Int(numbers.first ?? 300), seconds: numbers.dropFirst().first ?? 0.1)
    }

    private static func compare(rounds: Int, seconds: Double) async throws {
        let plain = try await PlainServer()
        // The raw client answers no pings.
        let quiet = ServerConfiguration(policy: .hypercorn)
        let bareClock = Mutex(clockid_t())
        let bare = try await RealtimeServer.start(
            application: DemoApplication.make(), configuration: quiet,
            prepareThread: { bareClock.withLock { $0 = Arm.threadClock() } })
        // The same once more: what its ratio to the first is off 1 is the method's own error.
        let againClock = Mutex(clockid_t())
        let again = try await RealtimeServer.start(
            application: DemoApplication.make(), configuration: quiet,
            prepareThread: { againClock.withLock { $0 = Arm.threadClock() } })
        let instrument = Instrument()
        let observedClock = Mutex(clockid_t())
        let observed = try await RealtimeServer.start(
            application: DemoApplication.make(), configuration: quiet, instrument: instrument,
            prepareThread: { observedClock.withLock { $0 = Arm.threadClock() } })
        let probe = EmbeddedProbe(instrument)
        let observing = Task { try await probe.observe(into: Nowhere()) }
        let channels = try getenv("LOOPSCOPE_VENV").map { try ChannelsServer(venv: String(cString: $0)) }
        defer { channels?.stop() }

        var arms = [
            try Arm("plain NIO handler", port: plain.port, path: "/", clock: plain.clock),
            try Arm("runtime", port: bare.port, path: "/ws/echo/", clock: bareClock.withLock { $0 }),
            try Arm(
                "runtime, instrumented", port: observed.port, path: "/ws/echo/", clock: observedClock.withLock { $0 }),
            try Arm("runtime, again", port: again.port, path: "/ws/echo/", clock: againClock.withLock { $0 }),
        ]
        if let channels {
            arms.append(
                try Arm(
                    "uvicorn+Channels", port: channels.port, path: "/ws/echo/", clock: Arm.clock(of: channels.pid)))
        }
        // Each of them once a round, in an order that turns, and forwards and backwards: each comes after each other as
        // often as before it.
        for round in 0..<rounds {
            let order = arms.indices.map { ($0 + round / 2) % arms.count }
            for place in round % 2 == 0 ? order : order.reversed() { try arms[place].takeTurn(seconds: seconds) }
        }
        report(arms)

        observing.cancel()
        _ = try await observing.value
        await observed.stop()
        await again.stop()
        await bare.stop()
        await plain.stop()
    }

    /// One JSON line for each server, then two for each ratio, of turns that were taken side by side.
    private static func report(_ arms: [Arm]) {
        for arm in arms {
            print(
                #"{"server": "\#(arm.name)", "connections": \#(connections), "payload": \#(payload), "#
                    + #""rounds": \#(arm.rates.count), "messages_per_second": \#(Int(median(arm.rates))), "#
                    + #""cpu_nanoseconds_per_message": \#(Int(median(arm.costs)))}"#)
        }
        for (place, other) in [(1, 0), (2, 0), (2, 1), (3, 1), (1, 4), (2, 4)] where other < arms.count {
            let name = "\(arms[place].name) / \(arms[other].name)"
            report(name, of: "messages_per_second", zip(arms[place].rates, arms[other].rates).map { $0 / $1 })
            // The other way round, so that more is better here too.
            report(name, of: "messages_per_cpu_second", zip(arms[place].costs, arms[other].costs).map { $1 / $0 })
        }
    }

    private static func report(_ name: String, of what: String, _ unsorted: [Double]) {
        let ratios = unsorted.sorted()
        // The median's own interval, by the ranks that hold it 95 times in 100 (binomial, normal approximation).
        let half = 0.98 * Double(ratios.count).squareRoot()
        let middle = Double(ratios.count) / 2
        let least = ratios[max(0, Int(middle - half))]
        let most = ratios[min(ratios.count - 1, Int((middle + half).rounded(.up)))]
        print(
            #"{"ratio": "\#(name)", "of": "\#(what)", "median": \#(rounded(median(ratios))), "#
                + #""median_low": \#(rounded(least)), "median_high": \#(rounded(most))}"#)
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
