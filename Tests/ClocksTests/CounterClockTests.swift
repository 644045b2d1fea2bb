import Clocks
import Observations
import Testing

@Suite("The processor's counter as a clock") struct CounterClockTests {
    /// A counter of 2 GHz.
    private struct Machine {
        var clock = CounterClock()
        /// Has the kernel asked at `time`, between two readings that are `width` counts apart.
        mutating func ask(at time: Int64, counter: UInt64? = nil, width: UInt64 = 60) -> Int64 {
            let middle = counter ?? UInt64(time) * 2
            return clock.follow(from: middle - width / 2, to: middle + width / 2, time: time)
        }
        var nanosecondsOfCount: Double { Double(clock.rate) / Double(1 << 32) }
    }

    private static let span = CounterClock.span.count

    @Test("what it tells lies between two readings of the kernel's, but for its accuracy, and never goes back")
    func agrees() {
        var clock = CounterClock()
        let allowance = CounterClock.accuracy.count
        let end = Moment.now() + .milliseconds(450)
        var last = Int64.min
        var (off, back) = (0, 0)
        while Moment.now() < end {
            let before = Moment.now().nanoseconds
            let told = clock.now()
            let after = Moment.now().nanoseconds
            if told < before - allowance || told > after + allowance { off += 1 }
            if told < last { back += 1 }
            last = told
        }
        #expect(off == 0 && back == 0)
    }

    @Test("it follows the counter once two measurements of its rate are the same")
    func follows() {
        var machine = Machine()
        for step in 0..<2 { _ = machine.ask(at: 1000 + Int64(step) * Self.span) }
        #expect(machine.clock.limit == 0, "one measurement is none")
        _ = machine.ask(at: 1000 + 2 * Self.span)
        #expect(abs(machine.nanosecondsOfCount - 0.5) < 1e-6)
        #expect(machine.clock.limit == UInt64(2 * CounterClock.reach.count), "then it is asked again")
    }

    @Test("a reading in which the thread was interrupted is used for the time, and for nothing else")
    func interrupted() {
        var machine = Machine()
        for step in 0..<3 { _ = machine.ask(at: 1000 + Int64(step) * Self.span) }
        let counter = machine.clock.counter
        #expect(machine.ask(at: 4 * Self.span, width: CounterClock.widest) == 4 * Self.span)
        #expect(machine.clock.limit == 0 && machine.clock.counter == counter)
        _ = machine.ask(at: 5 * Self.span)
        #expect(machine.clock.limit > 0)
    }

    @Test(
        "a counter that jumped, or a machine that slept, is not followed until its rate is known again",
        arguments: [-1_000_000, 1_000_000] as [Int64])
    func jumps(by jump: Int64) {
        var machine = Machine()
        for step in 0..<3 { _ = machine.ask(at: 1000 + Int64(step) * Self.span) }
        func counter(_ time: Int64) -> UInt64 { UInt64(time * 2 + jump) }
        for (step, follows) in [(3, false), (4, false), (5, true)] {
            let time = 1000 + Int64(step) * Self.span
            #expect(machine.ask(at: time, counter: counter(time)) == time)
            #expect((machine.clock.limit > 0) == follows)
        }
    }

    @Test(
        "a counter that stands still, or goes at no rate that there is, is never followed",
        arguments: [0, 1, 1 << 20] as [UInt64])
    func noCounter(perStep counts: UInt64) {
        var machine = Machine()
        for step in 0..<6 {
            _ = machine.ask(at: Int64(step) * 1_000_000 * Self.span, counter: 1000 + UInt64(step) * counts)
        }
        #expect(machine.clock.limit == 0)
    }

    @Test("when the kernel's clock is behind what was told, time stands still until it is not")
    func neverBack() {
        var machine = Machine()
        #expect(machine.ask(at: 1000) == 1000)
        #expect(machine.ask(at: 990) == 1000)
        #expect(machine.ask(at: 1010) == 1010)
    }
}
