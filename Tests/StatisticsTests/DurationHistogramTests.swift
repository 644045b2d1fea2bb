import Testing

@testable import Statistics

@Suite("Duration histogram")
struct DurationHistogramTests {
    @Test("every value falls into a bucket whose floor is at most it and at least 8/9 of it")
    func bucketsAreNarrow() {
        for shift in 0..<53 {
            for offset: Int64 in [0, 1, 2, 3] {
                let value = (Int64(1) << Int64(shift)) + offset * (Int64(1) << Int64(max(0, shift - 3)))
                guard value < 1 << 53 else { continue }
                let floor = DurationHistogram.floor(of: DurationHistogram.bucket(of: value))
                #expect(floor <= value)
                #expect(Double(value - floor) <= Double(value) / 8)
            }
        }
    }

    @Test("a quantile is within an eighth of the true value")
    func quantiles() throws {
        var histogram = DurationHistogram()
        for value in 1...1000 { histogram.record(Int64(value) * 1000) }
        #expect(histogram.total == 1000)
        #expect(histogram.maximum == 1_000_000)
        for (quantile, truth) in [(0.5, 500_000.0), (0.99, 990_000), (1, 1_000_000)] {
            let value = Double(try #require(histogram.value(at: quantile)))
            #expect(abs(value - truth) <= truth / 8)
        }
    }

    @Test("merging is the same as counting everything in one")
    func merging() {
        var one = DurationHistogram()
        var left = DurationHistogram()
        var right = DurationHistogram()
        for value in stride(from: Int64(3), to: 9_000_000, by: 7919) {
            one.record(value)
            if value % 2 == 0 { left.record(value) } else { right.record(value) }
        }
        left.merge(right)
        #expect(left == one)
    }

    @Test("an empty histogram has no quantile, no maximum and no mean")
    func empty() {
        let histogram = DurationHistogram()
        #expect(histogram.value(at: 0.5) == nil && histogram.maximum == nil && histogram.mean == nil)
    }

    @Test("negative and enormous values are counted, never a trap", arguments: [Int64.min, -1, 0, .max])
    func extremes(value: Int64) {
        var histogram = DurationHistogram()
        histogram.record(value)
        #expect(histogram.total == 1)
        #expect(histogram.counts.count <= DurationHistogram.bucketLimit)
    }
}
