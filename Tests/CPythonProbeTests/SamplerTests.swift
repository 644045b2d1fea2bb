import CPythonLayouts
import Observations
import PythonTargets
import Testing

@testable import CPythonProbe

/// What `fixtures/cpython/grammar.py` says its stacks must be.
struct Grammar: Decodable {
    var depth: Int
    var lines: [String: Int]
    var next: [String: String]

    /// What is wrong with a stack; `nil` when it is possible.
    func fault(in stack: StackTrace) -> String? {
        let frames = stack.frames
        guard frames.first?.function == "<module>" else { return "no root" }
        for (outer, inner) in zip(frames.dropFirst(), frames.dropFirst(2)) {
            if next[outer.function] != inner.function { return "\(outer.function) calls \(inner.function)" }
            if lines[outer.function] != outer.line { return "\(outer.function) calls from line \(outer.line ?? 0)" }
        }
        return frames.count > depth + 2 ? "too deep" : nil
    }
}

@Suite("Sampling stacks", .serialized)
struct SamplerTests {
    /// The goal is none in 100 000, and it is not reached: a target that does nothing but call and return comes back to
    /// the same frame within the microsecond that a reading takes, and then both readings agree on a stack that never
    /// was. What a caller's instruction is (a call, or not) would tell them apart; it is not looked at yet.
    @Test("flat out, fewer than one sample in a hundred is a stack that cannot be", arguments: Interpreter.all)
    func grammar(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["30"], on: interpreter)
        defer { target.end() }
        let grammar: Grammar = try target.truth()
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil)
        // Before 3.11 each frame is an object by itself: most readings of a stack that moves are torn and taken anew.
        let wanted = interpreter.minor < 11 ? 2_000 : 20_000
        var (seen, impossible, depths, quality) = (0, 0, Set<Int>(), SampleQuality())
        while seen < wanted {
            let window = sampler.run(until: .now() + .milliseconds(100))
            try #require(!window.isGone)
            quality += window.quality
            for sample in window.stacks {
                if grammar.fault(in: sample.stack) != nil { impossible += sample.count }
                seen += sample.count
                depths.insert(sample.stack.frames.count)
            }
        }
        #expect(impossible * 100 < seen, "\(impossible) of \(seen)")
        #expect((depths.max() ?? 0) >= grammar.depth)
        #expect(quality.torn == 0)
        #expect(quality.taken == seen)
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

    @Test("a target that is killed ends the window", arguments: Interpreter.all.suffix(1))
    func killed(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["10"], on: interpreter)
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil)
        _ = sampler.run(until: .now() + .milliseconds(20))
        target.end()
        #expect(sampler.run(until: .now() + .seconds(60)).isGone)
    }

    @Test("a stack deeper than the limit is cut at its outer end", arguments: Interpreter.all)
    func deep(interpreter: Interpreter) throws {
        let target = try PythonTarget("deep", ["10000"], on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 1000)
        let limit = interpreter.minor >= 11 ? ThreadSampler.depthLimit : FrameAreas.areaLimit
        var deepest = 0
        // The first samples may still be finding where the frames are.
        for _ in 0..<20 where deepest < limit {
            let window = sampler.run(until: .now() + .milliseconds(50))
            try #require(!window.isGone)
            deepest = max(deepest, window.stacks.map(\.stack.frames.count).max() ?? 0)
        }
        #expect(deepest == limit)
    }
}
