import CPythonLayouts
import Clocks
import Foundation
import Observations
import PythonTargets
import Statistics
import Testing

@testable import CPythonProbe

@Suite("Ticks of event loops", .serialized)
struct TickTests {
    /// What the target says of itself.
    private struct Count: Decodable { var ticks: Int, time: Double }

    private static func count(_ target: PythonTarget) throws -> Count {
        try target.say("count")
        return try JSONDecoder().decode(Count.self, from: Data(try #require(try target.readLine()).utf8))
    }

    /// A window, and the least and the most that the loop may have ticked in it: it was asked right before and right after
    /// both ends. A rate of its own, over a time of its own, is another one on a machine whose load changes.
    private struct Ticked {
        var window: LoopWindow
        var first: (least: Count, most: Count)
        var last: (least: Count, most: Count)

        /// Whether what was seen is what the loop counted, but for a share of it.
        func isCounted(within bound: ClosedRange<Double>) -> Bool {
            let seen = Double(window.ticks ?? -1)
            return bound.lowerBound * Double(last.least.ticks - first.most.ticks) <= seen
                && seen <= bound.upperBound * Double(last.most.ticks - first.least.ticks)
        }

        /// Whether the window is as long as it says.
        var isWhole: Bool {
            let (start, end) = (Self.seconds(window.start), Self.seconds(window.start + window.length))
            return first.least.time <= start && start <= first.most.time
                && last.least.time <= end && end <= last.most.time
        }

        private static func seconds(_ moment: Moment) -> Double { (moment - Moment(nanoseconds: 0)).seconds }
    }

    private static func watch(_ kind: String, _ period: String, on interpreter: Interpreter) throws -> Ticked {
        let target = try PythonTarget("ticking", [kind, period], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let known = try CensusTaker(process).take(at: .now()).loops
        let sampler = StackSampler(process, rate: 100)
        // Samples for a while; the target is asked before and after the window is taken, which is when it ends.
        func window(_ length: Nanoseconds) throws -> (loop: LoopWindow?, end: (least: Count, most: Count)) {
            let start = Moment.now()
            #expect(sampler.sample(until: start + length))
            let least = try count(target)
            let loop = sampler.takeWindow(from: start, loops: known).loops.first
            return (loop, (least, try count(target)))
        }
        // The first window finds the loop, the second learns whether it is a fast one.
        _ = try window(.milliseconds(400))
        let first = try window(.milliseconds(400)).end
        let (loop, last) = try window(.milliseconds(1500))
        return Ticked(window: try #require(loop), first: first, last: last)
    }

    @Test(
        "an asyncio loop is seen to tick as often as it counts itself",
        arguments: Interpreter.all, [("0.05", 0.8...1.25), ("0.004", 0.8...1.25), ("0", 0.8...1.25)])
    func asyncio(interpreter: Interpreter, pace: (period: String, bound: ClosedRange<Double>)) throws {
        let seen = try Self.watch("asyncio", pace.period, on: interpreter)
        #expect(seen.isCounted(within: pace.bound), "\(seen)")
        #expect(seen.isWhole, "\(seen)")
        #expect(seen.window.grade == .sampled)
        #expect(seen.window.loop == "1")
        #expect(seen.window.timers == 1)
    }

    /// Those that have uvloop.
    static let uvloops = Interpreter.all.filter { interpreter in
        let probe = Process()
        probe.executableURL = URL(filePath: interpreter.path)
        probe.arguments = ["-c", "import uvloop"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }

    @Test(
        "a uvloop loop's own counter is read", .enabled(if: !uvloops.isEmpty, "no CPython here has uvloop"),
        arguments: uvloops, ["0.05", "0.004", "0"])
    func uvloop(interpreter: Interpreter, period: String) throws {
        let seen = try Self.watch("uvloop", period, on: interpreter)
        #expect(seen.isCounted(within: 0.9...1.2), "\(seen)")
        #expect(seen.isWhole, "\(seen)")
        #expect(seen.window.grade == .read)
        #expect(seen.window.loop == "1")
    }

    /// hypercorn makes its first thread for a pool when the first connection comes.
    @Test(
        "a uvloop loop stays the main thread's when the target makes another thread while it is watched",
        .enabled(if: !uvloops.isEmpty, "no CPython here has uvloop"), arguments: uvloops)
    func newcomer(interpreter: Interpreter) throws {
        let target = try PythonTarget("ticking", ["uvloop", "0.05"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let known = try CensusTaker(process).take(at: .now()).loops
        let reader = ObjectReader(process.memory, layout: process.layout)
        let main = try #require(try reader.threads(interpreter: process.mainInterpreter).last)
        let watcher = LoopWatcher(process)
        watcher.discover(known, threads: [(main, target.pid, "main"), (main, target.pid + 1, "newcomer")])
        var asked: [Int32] = []
        watcher.look(at: .now()) { tid in
            asked.append(tid)
            return .init()
        }
        #expect(asked == [target.pid])
    }
}

@Suite("Lengths of ticks from short stretches")
struct TickStretchTests {
    /// Reads a loop whose ticks last `tick` every `gap`, in stretches apart.
    private func lengths(tick: Int64, gap: Int64) -> DurationHistogram {
        var stretches = TickStretches()
        for round in Int64(0)..<10 {
            stretches.begin()
            for reading in 0..<(400_000 / gap) {
                let now = round * 100_000_000 + reading * gap
                stretches.note(Double(now / tick * tick) / 1e9, at: Moment(nanoseconds: now))
            }
        }
        return stretches.durations
    }

    @Test("a tick seen whole has its length", arguments: [30_000, 50_000])
    func whole(tick: Int64) throws {
        let lengths = lengths(tick: tick, gap: 3_000)
        #expect(lengths.total > 50)
        #expect((0.9...1.1).contains(Double(try #require(lengths.value(at: 0.5))) / Double(tick)))
    }

    @Test("of ticks too short to be told apart no length is told", arguments: [3_100, 5_300, 9_700])
    func short(tick: Int64) {
        #expect(lengths(tick: tick, gap: 4_000).total == 0)
    }

    @Test("a number that is no time is no length")
    func wild() {
        var stretches = TickStretches()
        for (index, start) in [1.0, .nan, -5, .infinity, 1e300, 1, nil, 0].enumerated() {
            stretches.note(start, at: Moment(nanoseconds: Int64(index) * 1000))
        }
        #expect(stretches.durations.total == 0)
    }
}
