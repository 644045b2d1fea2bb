import Foundation
import GRDB
import Observations
import Testing

@testable import Recording

@Suite("A recording answers as the observations did")
struct RoundTripTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("every kind, with hostile names kept as they are", arguments: HostileName.all)
    func everyKind(name: String) throws {
        let observations = Observation.full(named: name)
        try expectSameAnswers(Recording(path: scratch.recording(of: observations)), observations)
    }

    @Test("what is not known stays not known")
    func unknown() throws {
        let observations = Observation.bare()
        try expectSameAnswers(Recording(path: scratch.recording(of: observations)), observations)
    }

    @Test("a session of nothing answers nothing")
    func empty() throws {
        try expectSameAnswers(Recording(path: scratch.recording(of: [])), [])
    }

    @Test("the ends of time survive", arguments: [Int64.min, -1, 0, .max])
    func extremes(time: Int64) throws {
        let observations = Observation.full(at: Moment(nanoseconds: time))
        try expectSameAnswers(Recording(path: scratch.recording(of: observations)), observations)
    }

    @Test("many sessions' worth, in any portions, in the order they were made")
    func portions() throws {
        var observations: [Observation] = []
        for round in 0..<300 {
            observations += Observation.full(named: "name \(round % 7)", at: Moment(nanoseconds: Int64(round)))
        }
        let writer = try RecordingWriter(path: scratch.file())
        var rest = observations[...]
        for size in [1, 5000, 3, 700].cycled(times: 10) {
            writer.record(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        try writer.finish()
        try expectSameAnswers(Recording(path: scratch.file()), observations)
    }

    @Test("alike stacks are added up, whether their sums are stored yet or not", arguments: [1000, 70_000])
    func sums(count: Int) throws {
        let stacks = (1..<12).map { depth in
            StackTrace((0..<depth).map { Frame(kind: .python, function: "f", line: $0) })
        }
        let observations = (0..<count).map { number in
            Observation.stack(
                StackSample(
                    time: Moment(nanoseconds: Int64(number * 7 % 1000)), pid: 1, tid: Int32(number % 3), thread: "t",
                    activity: .running, stack: stacks[number % 11], count: number % 5,
                    weight: Nanoseconds(Int64(number))))
        }
        let path = try scratch.recording(of: observations)
        try expectSameAnswers(Recording(path: path), observations)
        let summed = try DatabaseQueue(path: path).read {
            try Int.fetchOne($0, sql: "SELECT summed_samples FROM recording")
        }
        #expect(summed == (count > Interner.sumInterval ? Interner.sumInterval : 0))
    }

    @Test("a finished recording is one file")
    func oneFile() throws {
        _ = try scratch.recording(of: Observation.full())
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["test.loopscope"])
    }

    @Test("the recording kept from the first release still reads")
    func fixture() throws {
        let path = repository.appending(path: "fixtures/recordings/v1/small.loopscope").path
        try expectSameAnswers(
            Recording(path: path),
            (Observation.full(named: "<script>\0\u{1B}[2J", version: 1) + Observation.bare(version: 1))
                .map(\.beforeVersion4).compactMap(\.beforeVersion3))
    }
}

extension Array {
    fileprivate func cycled(times: Int) -> [Element] { (0..<times).flatMap { _ in self } }
}
