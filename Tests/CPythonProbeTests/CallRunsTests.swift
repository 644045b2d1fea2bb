import Observations
import Testing

@testable import CPythonProbe

@Suite("How long a thread has been inside calls")
struct CallRunsTests {
    @Test(
        "as long as every look found it there, and there was no pause between looks in which it may have been anywhere",
        arguments: [
            // Looks at these milliseconds, negative ones outside; since when it has been inside.
            ([10, 20, 30, 40], 10), ([10, -20, 30, 40], 30), ([10, 20, -30], nil), ([10, 110, 210], 10),
            ([10, 20, 121, 130], 121), ([10, 500, 510, 900], 900), ([], nil),
        ] as [([Int64], Int64?)])
    func runs(looks: [Int64], since: Int64?) {
        let runs = CallRuns()
        for look in looks {
            runs.note(7, isInside: look > 0, at: Moment(nanoseconds: abs(look) * 1_000_000))
            runs.note(8, isInside: true, at: Moment(nanoseconds: 1))
        }
        #expect(runs.start(of: 7) == since.map { Moment(nanoseconds: $0 * 1_000_000) })
    }
}
