@preconcurrency import Glibc

/// What the instruments cost, everything that they do included: the runtime with and without them, and without them once more.
///
/// Where code and objects of one process happen to lie moves its speed by two percent, and no number of turns averages that
/// out. So each launch makes some processes of each kind, in an order of chance, and there are many launches. Processor time
/// is that of the loop's thread, and that of the whole process: loop, watchdog, censuses. By the clock the background of those
/// that rest is there for all alike. The client has one processor and everything of the servers another, instruments' threads
/// and all, unless the scheduler is to place them: `Processors`.
enum InstrumentBenchmark {
    /// Processes of each kind in a launch.
    private static let each = 3
    private static let kinds = [
        ("runtime", "bare"), ("runtime, again", "bare"), ("runtime, instrumented", "instrumented"),
    ]
    /// Until classes have been located by their symbols, which happens once.
    private static let settling: UInt32 = 1_200_000

    /// A turn in which the loop waited for a processor for more than this share of it had none of its own.
    private static let ownProcessor = 0.1

    static func run(launches: Int, rounds: Int, seconds: Double, isPlaced: Bool) throws {
        let places = isPlaced ? try Processors.Places() : nil
        var chance = SystemRandomNumberGenerator()
        var waits: [[Double]] = kinds.map { _ in [] }
        var byClock: [Bootstrap.Launch] = []
        var byLoop: [Bootstrap.Launch] = []
        var byProcess: [Bootstrap.Launch] = []
        for launch in 0..<launches {
            let order = (0..<each).flatMap { _ in kinds.indices }.shuffled(using: &chance)
            // What is started runs where its owner does.
            if let places { try Processors.move(to: places.servers) }
            let processes = try order.map { try ServerProcess(kinds[$0].1, "quiet") }
            if let places { try Processors.move(to: places.client) }
            let servers = try zip(order, processes).map { try Server(kinds[$0].0, $1) }
            usleep(settling)
            for _ in 0..<rounds {
                for server in servers.shuffled(using: &chance) { try server.arm.takeTurn(seconds: seconds) }
            }
            byClock.append(.init(kinds: order, values: servers.map(\.arm.rates)))
            // The other way round, so that more is better here too.
            byLoop.append(.init(kinds: order, values: servers.map { $0.arm.loopCosts.map { 1 / $0 } }))
            byProcess.append(.init(kinds: order, values: servers.map { $0.arm.costs.map { 1 / $0 } }))
            for (kind, server) in zip(order, servers) { waits[kind] += server.arm.waits }
            fputs("launch \(launch + 1) of \(launches)\n", stderr)
        }
        for (what, measured) in [
            ("messages_per_second", byClock), ("messages_per_cpu_second", byLoop),
            ("messages_per_cpu_second_of_the_process", byProcess),
        ] {
            report("runtime, instrumented / runtime", of: what, 2, to: [0, 1], in: Bootstrap(launches: measured))
            report("runtime, again / runtime", of: what, 1, to: [0], in: Bootstrap(launches: measured))
        }
        for (kind, waits) in zip(kinds, waits) {
            let shared = waits.filter { $0 > ownProcessor }.count
            print(
                #"{"server": "\#(kind.0)", "placed": \#(isPlaced), "turns": \#(waits.count), "#
                    + #""without_a_processor_of_its_own": \#(rounded(Double(shared) / Double(max(1, waits.count))))}"#)
        }
        fflush(nil)
    }

    private static func report(_ name: String, of what: String, _ one: Int, to others: [Int], in measured: Bootstrap) {
        let ratios = measured.ratios(one, to: others)
        let interval = measured.interval(one, to: others)
        print(
            #"{"ratio": "\#(name)", "of": "\#(what)", "launches": \#(ratios.count), "#
                + #""processes_of_each": \#(ratios.count * each), "turns_of_each": \#(measured.launches[0].rounds), "#
                + #""median": \#(rounded(median(ratios))), "median_low": \#(rounded(interval.low)), "#
                + #""median_high": \#(rounded(interval.high)), "each": \#(ratios.map(rounded))}"#)
        fflush(nil)
    }

    private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }

    /// One process, and its client.
    private struct Server {
        let process: ServerProcess
        let arm: Arm

        init(_ name: String, _ process: ServerProcess) throws {
            self.process = process
            arm = try Arm(
                name, port: process.port, path: "/ws/echo/", clock: Arm.clock(of: process.pid),
                account: process.loopAccount())
        }
    }
}
