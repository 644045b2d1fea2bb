import CPythonLayouts
import Clocks
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

@Suite("Sampling stacks", .serialized)
struct SamplerTests {
    private struct NoWindow: Error {}

    /// A target that does nothing but call and return comes back to the same frame within one reading.
    @Test("flat out, none of 20 000 samples is a stack that cannot be", arguments: Interpreter.all)
    func grammar(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["30"], on: interpreter)
        defer { target.end() }
        let grammar: Grammar = try target.truth()
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil)
        var (seen, faults, depths, quality) = (0, [String: Int](), Set<Int>(), SampleQuality())
        // A target that moves all the time is seen best while it has no processor: few moments, each many times. The samples
        // go on until it was seen at its deepest, for ten seconds.
        for _ in 0..<100 where seen < 20_000 || depths.max() ?? 0 < grammar.depth {
            let window = sampler.run(until: .now() + .milliseconds(100))
            try #require(!window.isGone)
            quality += window.quality
            for sample in window.stacks {
                if let fault = grammar.fault(in: sample.stack) { faults[fault, default: 0] += sample.count }
                seen += sample.count
                depths.insert(sample.stack.frames.count)
            }
        }
        #expect(faults.isEmpty)
        #expect(seen >= 20_000)
        #expect((depths.max() ?? 0) >= grammar.depth)
        #expect(quality.torn == 0)
        #expect(quality.taken == seen)
    }

    @Test(
        "samples stay as far apart as the rate says, also from one call to the next",
        arguments: Interpreter.all.suffix(1))
    func spacing(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["5"], on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 20)
        let start = Moment.now()
        for _ in 0..<40 { _ = sampler.sample(until: .now() + .milliseconds(10)) }
        guard let tally = sampler.handOver(from: start, loops: [:]) else { throw NoWindow() }
        // However late we are: never more of them than fit.
        #expect(tally.quality.taken <= 1 + Int((tally.end - start).count / 50_000_000))
        #expect(tally.quality.taken > 0)
    }

    @Test(
        "a sample stands for the time it took when no processor can keep the rate", arguments: Interpreter.all.suffix(1)
    )
    func unkeptRate(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["5"], on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 1_000_000)
        let start = Moment.now()
        _ = sampler.sample(until: start + .milliseconds(200))
        guard var tally = sampler.handOver(from: start, loops: [:]) else { throw NoWindow() }
        let length = Double((tally.end - start).count)
        let window = StackDrawing(try PythonProcess(pid: target.pid)).draw(&tally)
        let sum = Double(window.stacks.reduce(0) { $0 + $1.weight.count })
        // All of the span, but for what was lost or torn.
        let whole =
            Double(window.quality.taken) / Double(window.quality.taken + window.quality.lost + window.quality.torn)
        #expect(abs(sum / length - whole) < 0.1, "\(sum) of \(length), \(window.quality)")
    }

    @Test("every way in which Python code runs other Python code is a possible stack", arguments: Interpreter.all)
    func callSites(interpreter: Interpreter) throws {
        struct Truth: Decodable { var stack: [String] }
        let target = try PythonTarget("calls", on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let reader = ObjectReader(process.memory, layout: process.layout)
        let thread = try #require(try reader.threads(interpreter: process.mainInterpreter).last)
        let sampler = ThreadSampler(thread, of: process)
        #expect(try sampler.sample(tag: 0, isRestless: false) != .lost)
        var table = StackTable()
        let resolved = try StackResolver(process).resolve(sampler.stack, for: &table)
        let found = try #require(resolved)
        #expect(found.isPossible)
        let names = found.trace.frames.reversed().map { String($0.function.split(separator: ".").last ?? "") }
        #expect(names == (try target.truth(Truth.self)).stack)
    }

    @Test("a frame that stands at no call is told from one that does", arguments: Interpreter.all)
    func noCallSite(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["5", "1000000"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let reader = ObjectReader(process.memory, layout: process.layout)
        let thread = try #require(try reader.threads(interpreter: process.mainInterpreter).last)
        let sampler = ThreadSampler(thread, of: process)
        while sampler.depth != 7 { _ = try sampler.sample(tag: 0, isRestless: false) }
        var words = Array(sampler.stack)
        // The third frame moves on from its call to the load of what it returns.
        words[6] += try #require([9: 20, 10: 2, 11: 52, 12: 4, 13: 10, 14: 10, 15: 10][interpreter.minor])
        var table = StackTable()
        let found = try words.withUnsafeBufferPointer { try StackResolver(process).resolve($0, for: &table) }
        #expect(found?.isPossible == false)
    }

    @Test("a sleeping target is seen idle, at its call", arguments: Interpreter.all)
    func idle(interpreter: Interpreter) throws {
        let target = try PythonTarget("truth", ["2"], on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 200)
        var stacks: [StackSample] = []
        for _ in 0..<50 where !stacks.contains(where: { $0.activity == .idle && $0.stack.leaf?.function == "wait" }) {
            stacks = sampler.run(until: .now() + .milliseconds(100)).stacks
        }
        let sample = try #require(stacks.first { $0.activity == .idle && $0.stack.leaf?.function == "wait" })
        #expect(sample.tid == target.pid)
        #expect(sample.stack.frames.first?.function == "<module>")
        #expect(sample.stack.frames.contains { $0.function.hasSuffix("run_forever") })
    }

    @Test(
        "the interpreter's lock is read with each sample: one thread alone has it while it computes",
        arguments: Interpreter.all)
    func lock(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["5", "20000"], on: interpreter)
        defer { target.end() }
        let process = try PythonProcess(pid: target.pid)
        let reader = ObjectReader(process.memory, layout: process.layout)
        let thread = try #require(try reader.threads(interpreter: process.mainInterpreter).last)
        let lock = try #require(try reader.lock(runtime: process.runtime, interpreter: process.mainInterpreter))
        // A lock that is not there costs no stack.
        for (place, holds) in [(lock, ThreadSampler.holdsLock), (nil, 0), (0x10, 0)] {
            let sampler = ThreadSampler(thread, of: process, lock: place)
            // Until it calls, it may still be writing `ready`, without the lock.
            while sampler.depth < 2 { _ = try sampler.sample(tag: 0, isRestless: false) }
            for _ in 0..<50 {
                guard case .good = try sampler.sample(tag: 4, isRestless: false) else { continue }
                #expect(sampler.stack.first == 4 | holds)
            }
        }
        #expect(
            StackSampler(process, rate: 1000).run(until: .now() + .milliseconds(50)).stacks.allSatisfy {
                $0.holdsGIL == true
            })
    }

    @Test("a target that is killed ends the window", arguments: Interpreter.all.suffix(1))
    func killed(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["10"], on: interpreter)
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil)
        _ = sampler.run(until: .now() + .milliseconds(20))
        target.end()
        #expect(sampler.run(until: .now() + .seconds(60)).isGone)
    }

    @Test("a stack deeper than the limit is cut at its outer end, and says so", arguments: Interpreter.all)
    func deep(interpreter: Interpreter) throws {
        let target = try PythonTarget("deep", ["10000"], on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 1000)
        let limit = interpreter.minor >= 11 ? ThreadSampler.depthLimit : FrameAreaList.areaLimit
        var deepest = 0
        // The first samples may still be finding where the frames are.
        var outermost: Set<String> = []
        for _ in 0..<20 where deepest < limit {
            let window = sampler.run(until: .now() + .milliseconds(50))
            try #require(!window.isGone)
            let deep = window.stacks.map(\.stack.frames).filter { $0.first?.kind == .logical }
            deepest = max(deepest, deep.map { $0.count - 1 }.max() ?? 0)
            outermost.formUnion(deep.compactMap(\.first?.function))
        }
        #expect(deepest == limit)
        #expect(outermost == ["deeper than \(limit) frames: the outer ones are not shown"])
    }
}
