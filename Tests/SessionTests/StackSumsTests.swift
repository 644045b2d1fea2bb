import Observations
import Testing

@testable import Session

@Suite("Stacks of a live session")
struct StackSumsTests {
    private func sample(_ path: Int, depth: Int = 30, weight: Int = 1) -> StackSample {
        let frames = (0..<depth).map {
            Frame(kind: .python, function: path >> $0 & 1 == 0 ? "left" : "right", file: "a.py", line: $0)
        }
        return StackSample(
            time: Moment(nanoseconds: 1), pid: 1, tid: 1, thread: "t", activity: .running, stack: StackTrace(frames),
            count: weight, weight: .milliseconds(Int64(weight)))
    }

    @Test(
        "forty thousand different stacks are held as at most eight thousand: no time of theirs is lost, or given to another"
    )
    func bound() {
        var sums = StackSums()
        // A multiplicative hash: consecutive numbers share few bits.
        for number in 0..<40_000 { sums.add(sample(number &* 2_654_435_761)) }
        #expect(sums.sums.count <= StackSums.limit)
        #expect(sums.sums.reduce(0) { $0 + $1.count } == 40_000)
        #expect(sums.sums.reduce(Nanoseconds.zero) { $0 + $1.weight } == .milliseconds(40_000))
        #expect(sums.sums.allSatisfy { $0.stack.frames.count == 30 || $0.stack.frames.last == StackSums.folded })
        #expect(sums.sums.allSatisfy { !$0.stack.frames.dropLast().contains(StackSums.folded) })
    }

    @Test("what takes most of the time stays whole")
    func heavy() {
        var sums = StackSums()
        let heavy = sample(0b1010, weight: 1000)
        sums.add(heavy)
        for number in 1..<40_000 { sums.add(sample(number &* 2_654_435_761)) }
        #expect(sums.sums.contains { $0.stack == heavy.stack && $0.count >= 1000 })
    }

    @Test("stacks that differ in their threads only are not cut, and not lost")
    func threads() {
        var sums = StackSums()
        for number in 0..<20_000 {
            var one = sample(0, depth: 1)
            one.tid = Int32(number)
            sums.add(one)
        }
        #expect(sums.sums.count == 20_000)
    }
}
