import Observations
import Testing

@testable import CPythonProbe

private func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

/// A thread that is looked at every 10 ms.
private struct Looked {
    let runs = CallRuns()
    var now: Int64 = 0
    var clock = ThreadClock.Reading(ran: .zero, waited: .zero, turns: 1)

    /// Milliseconds for which other threads have waited for a processor.
    var others: Int64 = 0

    /// Looks for so many milliseconds, every `pause`, and sees this call.
    mutating func see(
        _ call: UInt64, for length: Int64, _ occupation: Occupation = .waiting, pause: Int64 = 10, ran: Int64 = 0,
        waited: Int64 = 0
    ) {
        for _ in 0..<length / pause {
            now += pause
            clock.ran = clock.ran + .milliseconds(ran)
            clock.waited = clock.waited + .milliseconds(waited)
            runs.note(
                7,
                .init(
                    call: call, occupation: occupation, clock: clock, starved: clock.waited + .milliseconds(others)),
                at: at(now))
        }
    }

    /// Looks for so many milliseconds and sees no call.
    mutating func leave(for length: Int64) {
        for _ in 0..<length / 10 {
            now += 10
            runs.noteOutside(7, at: at(now))
        }
    }

    /// Milliseconds for which the thread has been held.
    var held: Int64? { runs.start(of: 7).map { (at(now) - $0).count / 1_000_000 } }
}

@Suite("How long calls have held a thread")
struct CallRunsTests {
    @Test("one call holds it since it was seen first, and whoever was seen outside holds nothing")
    func one() {
        var thread = Looked()
        #expect(thread.held == nil)
        thread.see(1, for: 500)
        #expect(thread.held == 490)
        thread.leave(for: 110)
        #expect(thread.held == nil && thread.runs.start(of: 8) == nil)
    }

    @Test(
        "LS501 on bridge-deadlock-fixed and sync-echo under load: calls of less than 50 ms that never leave it idle do not",
        arguments: [10, 20, 40] as [Int64])
    func short(length: Int64) {
        var thread = Looked()
        for call in 0..<100 { thread.see(UInt64(call), for: length) }
        #expect(thread.held.map { $0 <= length } == true)
    }

    @Test("calls of 100 ms add up, and a few short ones between them do not end that")
    func medium() throws {
        var thread = Looked()
        for call in 0..<5 as Range<UInt64> {
            thread.see(call, for: 100)
            thread.see(call + 100, for: 10)
        }
        #expect(try #require(thread.held) >= 400)
        for call in 200..<215 as Range<UInt64> { thread.see(call, for: 10) }
        #expect(thread.held == 0)
    }

    @Test(
        "a look that falls between two calls does not end what went before: LS501 stood for a second and was gone in the report"
    )
    func between() throws {
        var thread = Looked()
        for call in 0..<5 as Range<UInt64> {
            thread.see(call, for: 100)
            thread.leave(for: 10)
        }
        thread.see(5, for: 20)
        #expect(try #require(thread.held) >= 400)
        thread.leave(for: 90)
        #expect(try #require(thread.held) >= 400)
        thread.leave(for: 20)
        #expect(thread.held == nil)
    }

    @Test("time in which it waits for a processor, or for the interpreter's lock, holds it for nobody")
    func starved() {
        var thread = Looked()
        thread.see(1, for: 500, .running, ran: 1, waited: 9)
        #expect(thread.held.map { $0 <= 50 } == true)
        thread.see(2, for: 500, .barred)
        #expect(thread.held.map { $0 <= 50 } == true)
        thread.see(3, for: 500, .running, ran: 10)
        #expect(thread.held.map { $0 >= 480 } == true)
    }

    @Test("where nobody looked for a while, only a thread that has slept since is known to be in the same call")
    func gap() {
        var thread = Looked()
        thread.see(1, for: 500)
        thread.see(1, for: 400, pause: 400)
        #expect(thread.held == 890)
        thread.clock.turns += 1
        thread.see(1, for: 400, pause: 400)
        #expect(thread.held == 990)
        thread.see(1, for: 1100, pause: 1100)
        #expect(thread.held == 0)
    }

    @Test("LS501 on bridge-deadlock-fixed under load: a wait for a thread that gets no processor holds it for nobody")
    func starvedHelper() {
        var thread = Looked()
        for _ in 0..<50 {
            thread.others += 9
            thread.see(1, for: 10, .locked)
        }
        #expect(thread.held.map { $0 <= 50 } == true)
        thread.see(1, for: 500, .locked)
        #expect(thread.held.map { $0 >= 500 } == true)
    }
}
