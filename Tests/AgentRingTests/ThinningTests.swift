import Testing

@testable import AgentRing

@Suite("Dispatches told one by one")
struct ThinningTests {
    private func kept(_ kind: RingRecord.Kind, detail: Int, of count: Int, _ thinning: inout Thinning) -> Int {
        let record = RingRecord(
            kind: kind, detail: detail, time: 1, connection: 1, first: 1, second: 2, third: 0, value: 3)
        return (0..<count).count { _ in thinning.keeps(record) }
    }

    @Test("are kept up to a number, those that failed up to ten times that, and steps of connections always")
    func kept() {
        var thinning = Thinning()
        #expect(kept(.dispatched, detail: 1, of: 100, &thinning) == 100)
        #expect(kept(.dispatched, detail: 1, of: 5000, &thinning) == 0)
        #expect(kept(.dispatched, detail: 3, of: 5000, &thinning) == 1000)
        #expect(kept(.opened, detail: 0, of: 5000, &thinning) == 5000)
        #expect(kept(.swallowed, detail: 1, of: 5000, &thinning) == 5000)
    }
}
