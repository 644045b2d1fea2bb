import Foundation
import GRDB
import Observations
import Testing

@testable import Recording

@Suite("A file that is no good recording says what, why and what to do")
struct BadFileTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func failure(_ path: String) throws -> RecordingError {
        try #require(throws: RecordingError.self) {
            let recording = try Recording(path: path)
            for question in questions { _ = try question.answer(recording) }
        }
    }

    /// A good recording, altered by SQL.
    private func altered(_ sql: String) throws -> String {
        let path = try scratch.recording(of: Observation.full())
        try DatabaseQueue(path: path).writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; \(sql)")
        }
        return path
    }

    @Test("no such file: exit 66")
    func missing() throws {
        let error = try failure(scratch.file("none"))
        #expect(error.kind == .missing && error.exitCode == 66)
        #expect(error.description.contains("\n  why: there is no such file\n   do: "))
    }

    @Test("a directory: exit 66")
    func directory() throws {
        let error = try failure(scratch.path)
        #expect(error.kind == .unreadable && error.exitCode == 66)
    }

    @Test(
        "not SQLite: exit 65",
        arguments: ["", "hello", "SQLite format 2\0 and more", String(repeating: "{}", count: 4096)])
    func notSQLite(text: String) throws {
        let error = try failure(scratch.write(text.utf8))
        #expect(error.kind == .notSQLite && error.exitCode == 65)
    }

    @Test("another program's database: exit 65")
    func otherApplication() throws {
        let path = scratch.file("other.db")
        try DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE t (x)") }
        let error = try failure(path)
        #expect(error.kind == .otherApplication && error.exitCode == 65)
    }

    @Test("a newer schema: exit 65, and which one")
    func newer() throws {
        let error = try failure(altered("PRAGMA user_version = 7"))
        #expect(error.kind == .newerSchema && error.exitCode == 65)
        #expect(error.why.contains("loopscope/recording/7"))
    }

    @Test(
        "altered or wrong inside: exit 65",
        arguments: [
            "PRAGMA user_version = 0", "PRAGMA user_version = -1", "DROP TABLE notes",
            "ALTER TABLE notes ADD COLUMN more TEXT",
            "DROP TABLE notes; CREATE VIEW notes AS SELECT 1 AS id, 2 AS time_ns, 3 AS pid, 4 AS code, 5 AS text",
            "UPDATE session_starts SET kind = 'something else'", "UPDATE session_starts SET pid = 1 << 40",
            "UPDATE sightings SET stack = 999", "UPDATE bridge_events SET site = 999",
            "UPDATE stack_frames SET frame = 999",
            "UPDATE sightings SET holds_gil = 2", "UPDATE loop_windows SET tick_durations = x'FF'",
            "INSERT INTO impact SELECT 9, 9223372036854775807, 0, 0, 0",
        ])
    func altered(sql: String) throws {
        let error = try failure(altered(sql))
        #expect(error.kind == .damaged && error.exitCode == 65, "\(error)")
    }

    @Test("cut at any length: an error or an answer, never a trap")
    func truncated() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: scratch.recording(of: Observation.full())))
        let lengths = Array(0..<128) + Array(stride(from: 128, to: whole.count, by: 997)) + [whole.count - 1]
        for length in lengths {
            let error = try failure(scratch.write(whole.prefix(length), name: "cut"))
            #expect(error.exitCode == 65, "\(length): \(error)")
        }
    }

    @Test("bytes overwritten anywhere: an error or an answer, never a trap")
    func overwritten() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: scratch.recording(of: Observation.full())))
        var random = Seeded(state: 1)
        for _ in 0..<400 {
            var bytes = whole
            let places = (0..<Int.random(in: 1...16, using: &random)).map { _ in
                Int.random(in: 100..<whole.count, using: &random)
            }
            for place in places { bytes[place] = .random(in: 0...255, using: &random) }
            let path = try scratch.write(bytes, name: "overwritten")
            guard let recording = try? Recording(path: path) else { continue }
            for question in questions {
                do { _ = try question.answer(recording) } catch {
                    #expect(error is RecordingError, "\(places): \(error)")
                }
            }
        }
    }

    @Test("an older schema is read through a copy; the file stays as it is")
    func older() throws {
        let observations = Observation.full()
        let path = try scratch.recording(of: observations)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let next = Schema(steps: Schema.current.steps + ["ALTER TABLE notes ADD COLUMN severity TEXT"])
        try expectSameAnswers(Recording(path: path, schema: next), observations)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
}
