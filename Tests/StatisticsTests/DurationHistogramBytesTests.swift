import Testing

@testable import Statistics

@Suite("Duration histogram, stored")
struct DurationHistogramBytesTests {
    static let examples: [DurationHistogram] = {
        var sparse = DurationHistogram()
        for value: Int64 in [0, 7, 8, 1_000_000, .max] { sparse.record(value, times: 3) }
        var negative = DurationHistogram()
        negative.record(-5)
        var full = DurationHistogram()
        for value: Int64 in 0..<10_000 { full.record(value * value, times: .max) }
        return [
            DurationHistogram(), sparse, negative, full, DurationHistogram(counts: [0, 0], maximum: nil, sum: .min),
        ]
    }()

    @Test("what was stored comes back", arguments: examples)
    func roundTrip(histogram: DurationHistogram) {
        #expect(DurationHistogram(bytes: histogram.bytes) == histogram)
    }

    @Test("nothing takes no bytes, a window's worth few")
    func size() {
        var window = DurationHistogram()
        for value: Int64 in 0..<100 { window.record(80_000 + value * 100) }
        #expect(DurationHistogram().bytes.isEmpty)
        #expect(window.bytes.count < 24)
    }

    @Test("bytes cut anywhere are nothing or another histogram, never a trap", arguments: examples)
    func truncation(histogram: DurationHistogram) {
        let bytes = histogram.bytes
        for length in 0..<bytes.count { _ = DurationHistogram(bytes: Array(bytes.prefix(length))) }
    }

    @Test(
        "hostile bytes are refused",
        arguments: [
            [0xFF], [0x05], [0x05, 0x02, 0x00], [0xFF, 0xFF, 0x7F, 0x00, 0x00], [0x01, 0x00, 0x00, 0x01, 0x01],
            [0x01, 0x00, 0x00, 0x00, 0x80, 0x80, 0x80, 0x80, 0x10],
            [0x01, 0x00, 0x00] + Array(repeating: UInt8(0xFF), count: 12),
        ])
    func hostile(bytes: [UInt8]) {
        #expect(DurationHistogram(bytes: bytes) == nil)
    }
}
