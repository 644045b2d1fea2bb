import CLinux
import Foundation
import Observations
import RemoteProcess
import Testing

@testable import EmbeddedProbe

@Suite("Scheduler readings")
struct SchedulerReadingTests {
    private func reading(cpu: Int64, waited: Int64, runnable: Bool) -> SchedulerReading {
        SchedulerReading(cpu: .milliseconds(cpu), waited: .milliseconds(waited), isRunnable: runnable)
    }

    @Test(
        "a loop is occupied by computing and by sleeping in a call, not by waiting for a CPU",
        arguments: [
            // cpu, waited, runnable -> occupied, of 300 ms since (10 ms CPU, 5 ms waited)
            (10, 5, false, 300),  // asleep in a blocking call
            (310, 5, true, 300),  // computing
            (20, 5, true, 10),  // runnable, but it got 10 ms only: starved
            (15, 285, false, 20),  // starved, then asleep for a moment
            (5000, 5, true, 300),  // never more than the time there was
            (10, 9000, false, 0),  // never less than nothing
        ])
    func occupied(cpu: Int64, waited: Int64, runnable: Bool, occupied: Int64) {
        let before = reading(cpu: 10, waited: 5, runnable: false)
        let now = reading(cpu: cpu, waited: waited, runnable: runnable)
        #expect(now.occupied(since: before, of: .milliseconds(300)) == .milliseconds(occupied))
    }

    @Test("this thread can be read, and is runnable while it reads")
    func live() throws {
        let account = try #require(SchedulerAccount(of: ls_gettid()))
        let first = try #require(account.read(state: true))
        #expect(first.isRunnable && first.cpu > .zero)
        // Its files stay open, and are made anew at each reading.
        var last = first
        while last.cpu == first.cpu { last = try #require(account.read(state: false)) }
        #expect(last.cpu > first.cpu && last.waited >= first.waited)
    }

    @Test("a thread that is not there cannot")
    func gone() {
        #expect(SchedulerAccount(of: 0) == nil)
    }
}
