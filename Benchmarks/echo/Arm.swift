import Glibc
import Instruments
import NIOCore
import Observations

/// One of the servers that are held against each other, its client, and what was measured of it.
///
/// The client's connections stay open: an arm that is not its turn costs nothing but its timers.
final class Arm {
    let name: String
    private let client: RawClient
    /// The CPU clock of what serves: the loop's thread, or the process.
    private let clock: clockid_t
    /// Of each round: echoes a second, and nanoseconds of CPU an echo.
    private(set) var rates: [Double] = []
    private(set) var costs: [Double] = []
    /// Where the scheduler says what the loop's thread of another process has used, and of each round that per echo.
    private let account: String?
    private(set) var loopCosts: [Double] = []
    /// Of each round: the share of it that the loop's thread was ready and had no processor.
    private(set) var waits: [Double] = []

    init(_ name: String, port: Int, path: String, clock: clockid_t, account: String? = nil) throws {
        self.name = name
        self.clock = clock
        self.account = account
        client = try RawClient(
            port: port, path: path, connections: EchoBenchmark.connections, payload: EchoBenchmark.payload)
        _ = try client.run(seconds: 0.2)
    }

    /// Serves for so long.
    func takeTurn(seconds: Double) throws {
        let before = Self.read(clock)
        let beforeLoop = loopTimes()
        let (echoes, seconds) = try client.run(seconds: seconds)
        rates.append(Double(echoes) / seconds)
        costs.append(Double(Self.read(clock) - before) / Double(echoes))
        guard account != nil else { return }
        let loop = loopTimes()
        loopCosts.append((loop.ran - beforeLoop.ran) / Double(echoes))
        waits.append((loop.waited - beforeLoop.waited) / 1e9 / seconds)
    }

    /// For how long the loop's thread ran and waited for a processor, in nanoseconds.
    private func loopTimes() -> (ran: Double, waited: Double) {
        let numbers = account.map { ServerProcess.line(of: $0).split(separator: " ").compactMap { Double($0) } } ?? []
        return numbers.count > 1 ? (numbers[0], numbers[1]) : (0, 0)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// The CPU clock of the calling thread, for any thread.
    static func threadClock() -> clockid_t {
        var clock = clockid_t()
        pthread_getcpuclockid(pthread_self(), &clock)
        return clock
    }

    /// The CPU clock of a process.
    static func clock(of pid: pid_t) -> clockid_t {
        var clock = clockid_t()
        clock_getcpuclockid(pid, &clock)
        return clock
    }
}

/// Takes observations and forgets them.
struct Nowhere: ObservationSink {
    func record(_ observations: [Observation]) {}
}
