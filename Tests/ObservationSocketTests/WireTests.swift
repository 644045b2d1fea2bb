import Observations
import Statistics
import Testing

@testable import ObservationSocket

@Suite("What is believed of the other side") struct WireTests {
    private let trust = Trust(pid: 7, now: Moment(nanoseconds: 1_000_000_000))
    private let time = Moment(nanoseconds: 500)

    private func loop(ticks: Int = 1, length: Nanoseconds = .milliseconds(100)) -> Observation {
        .loop(LoopWindow(start: time, length: length, pid: 99, loop: "1", thread: "t", grade: .exact, ticks: ticks))
    }

    @Test("lines are cut the same whatever the pieces", arguments: 1...12)
    func cutting(piece: Int) throws {
        var cutter = LineCutter(limit: 8)
        var lines: [String] = []
        var rest = Array("one\n\ntwo\nthree\nfo".utf8)[...]
        while !rest.isEmpty {
            try cutter.take(rest.prefix(piece)) { lines.append(String(decoding: $0, as: UTF8.self)) }
            rest = rest.dropFirst(piece)
        }
        #expect(lines == ["one", "", "two", "three"])
    }

    @Test("a line without an end, or beyond the limit, ends the reading")
    func tooLong() {
        var cutter = LineCutter(limit: 8)
        #expect(throws: LineCutter.TooLong()) { try cutter.take([UInt8](repeating: 65, count: 9)) { _ in } }
        var other = LineCutter(limit: 8)
        #expect(throws: LineCutter.TooLong()) { try other.take(Array("123456789\n".utf8)) { _ in } }
    }

    @Test("an observation has the pid of the process that was attached to")
    func pid() throws {
        guard case .loop(let window)? = trust.believed(loop()) else {
            Issue.record("not believed")
            return
        }
        #expect(window.pid == 7)
    }

    @Test("numbers that would overflow a sum, times to come and kinds that it cannot know are not believed")
    func lies() {
        let large = ConsumerWindow(start: time, length: .zero, pid: 1, consumer: "A", tasksStarted: .max)
        let negative = ConsumerWindow(start: time, length: .zero, pid: 1, consumer: "A", tasksStarted: -1)
        let census = ConnectionCensus(
            time: time, pid: 1, grade: .exact,
            consumers: [ConsumerCount(consumer: "A", sockets: [.open: .max], tasks: 0)])
        let lies: [Observation] = [
            loop(ticks: .max), loop(ticks: -1), loop(length: Nanoseconds(.max)), loop(length: Nanoseconds(-1)),
            .consumer(large), .consumer(negative), .connections(census),
            .note(ProbeNote(time: Moment(nanoseconds: .max), text: "from the future")),
            .note(ProbeNote(time: Moment(nanoseconds: -1), text: "from before")),
            .phase(PhaseMark(time: time, name: "sick")), .quality(SampleQuality(taken: .max)),
            .tasks(
                TaskCensus(
                    time: time, pid: 1, grade: .exact,
                    groups: [TaskGroup(name: "a", state: .waiting, count: .max)])),
        ]
        for lie in lies { #expect(trust.believed(lie) == nil, "\(lie)") }
    }

    @Test("a line survives the wire")
    func roundTrip() throws {
        let line = try #require(Wire.line(loop()))
        #expect(line.last == UInt8(ascii: "\n") && !line.dropLast().contains(UInt8(ascii: "\n")))
        #expect(Wire.value(Observation.self, of: line.dropLast()) == loop())
    }

    @Test("any line cut anywhere, or with any byte changed, is refused or read, and traps nothing")
    func mutated() throws {
        let line = try #require(Wire.line(loop()))
        for place in line.indices {
            _ = Wire.value(Observation.self, of: line[..<place]).flatMap(trust.believed)
            for byte in [0, 0x22, 0x39, 0x5B, 0x7B, 0xFF] as [UInt8] {
                var changed = line
                changed[place] = byte
                _ = Wire.value(Observation.self, of: changed).flatMap(trust.believed)
            }
        }
    }
}
