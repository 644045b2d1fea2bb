import Observations
import Scenarios
import Testing

@Suite("Chance in a scenario")
struct ChanceTests {
    @Test("follows from the seed: the same seed gives the same arrivals, another seed others")
    func seeds() {
        let arrivals = Arrivals(from: 50, for: .seconds(10), shape: .poisson)
        var (one, again, other) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1), SeededGenerator(seed: 2))
        let times = arrivals.times(using: &one)
        #expect(times == arrivals.times(using: &again))
        #expect(times != arrivals.times(using: &other))
        // A Poisson count of mean 500 has a standard deviation of 22.
        #expect(abs(times.count - 500) < 120)
    }

    @Test(
        "gives arrivals in order, within the phase, as many as the rate says",
        arguments: [(20.0, 20.0, 5, 100), (1, 49, 10, 250), (49, 1, 10, 250), (0.5, 0.5, 1, 1)])
    func arrivals(from: Double, to: Double, seconds: Int64, count: Int) {
        var generator = SeededGenerator(seed: 3)
        let times = Arrivals(from: from, to: to, for: .seconds(seconds)).times(using: &generator)
        #expect(abs(times.count - count) <= 1)
        #expect(times == times.sorted())
        #expect(times.allSatisfy { $0 >= .zero && $0 < .seconds(seconds) })
    }

    @Test("of a stream does not depend on the other streams")
    func streams() {
        var (a, b) = (SeededGenerator(seed: 1, stream: 1), SeededGenerator(seed: 1, stream: 2))
        #expect((0..<8).map { _ in a.next() } != (0..<8).map { _ in b.next() })
    }

    @Test("keeps the seed's back-off at 1, 2, 4, 8, 16, 30, 30 seconds")
    func seedBackoff() {
        var generator = SeededGenerator(seed: 1)
        let waits = (0..<7).map { Backoff().delay(attempt: $0, after: .zero, using: &generator) }
        #expect(waits == [1, 2, 4, 8, 16, 30, 30].map { Nanoseconds.seconds($0) })
    }

    @Test("keeps every back-off within its bounds", arguments: Backoff.Model.allCases)
    func bounds(_ model: Backoff.Model) {
        var generator = SeededGenerator(seed: 5)
        let backoff = Backoff(model, first: .milliseconds(100), cap: .seconds(3), tries: 100)
        var previous = Nanoseconds.zero
        for attempt in 0..<100 {
            previous = backoff.delay(attempt: attempt, after: previous, using: &generator)
            let most = model == .capThenJitter ? Nanoseconds.milliseconds(3750) : .seconds(3)
            #expect(previous >= .zero && previous <= most)
        }
    }

    @Test("comes apart at the cap when it is capped before the jitter, and together when after")
    func jitter() {
        func spread(_ model: Backoff.Model) -> Int {
            let waits = (0..<100).map { client in
                var generator = SeededGenerator(seed: 1, stream: UInt64(client))
                return Backoff(model).delay(attempt: 9, after: .zero, using: &generator)
            }
            return Set(waits).count
        }
        #expect(spread(.capThenJitter) == 100)
        #expect(spread(.jitterThenCap) == 1)
    }
}
