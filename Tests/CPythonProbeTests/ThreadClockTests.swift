import Glibc
import Observations
import RemoteProcess
import Testing

@testable import CPythonProbe

@Suite("What the kernel counts of a thread")
struct ThreadClockTests {
    private func parse<Value>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        Array(text.utf8).withUnsafeBytes(body)
    }

    @Test(
        "schedstat is three numbers; a kernel that counts nothing says noughts, and that is nothing",
        arguments: [
            (
                "74884753 89226452 260\n",
                ThreadClock.Reading(ran: Nanoseconds(74_884_753), waited: Nanoseconds(89_226_452), turns: 260)
            ),
            ("0 0 0\n", nil), ("", nil), ("1 2", nil), ("x 2 3\n", nil), ("1 99999999999999999999999 3\n", nil),
        ])
    func schedstat(line: String, reading: ThreadClock.Reading?) { #expect(parse(line, ThreadClock.parse) == reading) }

    @Test(
        "a thread that waits for a lock tells where it lies; one that sleeps, runs or says nonsense waits for none",
        arguments: [
            ("\(ThreadClock.futex) 0x7f00deadbee8 0x189 0x0 0x7ffe 0x0 0xffffffff 0x7ffe 0x7f\n", 0x7f00_dead_bee8),
            ("230 0x1 0x0 0x7ffe 0x0 0x0 0x0 0x7ffe 0x7f\n", nil), ("running\n", nil), ("", nil),
            ("\(ThreadClock.futex) 7f00\n", nil), ("\(ThreadClock.futex) 0x00112233445566778 0x0\n", nil),
            ("\(ThreadClock.futex) 0x\n", nil), ("99999999999 0x1\n", nil), ("-1 0x7ffe 0x7f\n", nil),
        ] as [(String, UInt64?)])
    func futex(line: String, address: UInt64?) { #expect(parse(line, ThreadClock.futexAddress) == address) }

    @Test("of a process's first thread both can be read, and of one that does not exist nothing")
    func live() throws {
        let clock = ThreadClock(of: getpid(), in: getpid())
        #expect(try #require(clock.read()).turns > 0)
        #expect(clock.lock() != nil)
        #expect(ThreadClock(of: 0, in: getpid()).read() == nil)
        #expect(ThreadClock(of: 0, in: getpid()).lock() == nil)
    }
}
