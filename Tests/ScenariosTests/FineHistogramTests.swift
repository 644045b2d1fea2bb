import Testing

@testable import Scenarios

@Suite("Fine histogram")
struct FineHistogramTests {
    @Test(
        "every value falls into a bucket whose floor is at most it and less than one percent below", arguments: 0..<61)
    func buckets(_ shift: Int) {
        for offset: Int64 in [0, 1, 77, 1 << Int64(max(0, shift - 1))] {
            let value = (Int64(1) << Int64(shift)) &+ (offset % (Int64(1) << Int64(shift)))
            var (one, two) = (FineHistogram(), FineHistogram())
            one.record(value)
            let floor = one.buckets.first?.floor ?? -1
            #expect(floor <= value && Double(value - floor) <= Double(value) * 0.00785)
            two.record(floor)
            #expect(two.buckets.first?.floor == floor && one.buckets.count == 1)
            #expect(one.value(at: 0.5) == value && one.maximum == value)
        }
    }

    @Test("quantiles are those of the values, within one percent, and merged ones those of all")
    func quantiles() throws {
        var (odd, even) = (FineHistogram(), FineHistogram())
        for value: Int64 in 1...10_000 {
            if value % 2 == 0 { even.record(value * 1000) } else { odd.record(value * 1000) }
        }
        var all = odd
        all.merge(even)
        #expect(all.total == 10_000 && all.maximum == 10_000_000 && all.value(at: 1) == 10_000_000)
        for percent in [1, 25, 50, 90, 99] {
            let value = Double(try #require(all.value(at: Double(percent) / 100)))
            #expect(abs(value / (Double(percent) * 100_000) - 1) < 0.01, "\(percent) %: \(value)")
        }
        #expect(all.buckets.reduce(0) { $0 + $1.count } == 10_000)
    }

    @Test("nothing, and the ends of the numbers, are no trap")
    func edges() {
        var histogram = FineHistogram()
        #expect(histogram.value(at: 0.5) == nil && histogram.buckets.isEmpty)
        for value: Int64 in [.min, -1, 0, 1, .max] { histogram.record(value) }
        let longest = FineHistogram.longest
        #expect(histogram.value(at: 0.01) == 0 && histogram.value(at: 1) == longest && histogram.maximum == longest)
    }
}
