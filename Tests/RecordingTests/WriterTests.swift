import Foundation
import GRDB
import Observations
import Testing

@testable import Recording

@Suite("Writing a recording")
struct WriterTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("observations from many threads are all there")
    func threads() async throws {
        let writer = try RecordingWriter(path: scratch.file())
        await withTaskGroup { group in
            for pid in Int32(0)..<8 {
                group.addTask {
                    for number in UInt64(0)..<2000 {
                        writer.record([
                            .connection(
                                ConnectionEvent(
                                    time: Moment(nanoseconds: 1), pid: pid, connection: number, step: .opened))
                        ])
                    }
                }
            }
        }
        try writer.finish()
        let events = try Recording(path: scratch.file()).connections()
        for pid in Int32(0)..<8 {
            #expect(events.filter { $0.pid == pid }.map(\.connection) == Array(0..<2000))
        }
    }

    @Test("what does not fit is counted and noted, never waited for")
    func overflow() throws {
        let writer = try RecordingWriter(path: scratch.file(), capacity: 10)
        writer.record(Array(repeating: .phase(PhaseMark(time: Moment(nanoseconds: 7), name: "p")), count: 25))
        try writer.finish()
        let recording = try Recording(path: scratch.file())
        #expect(try recording.phases().count == 10)
        #expect(
            try recording.notes().map(\.text) == [
                "15 observations are missing here: they came faster than the disk could take them"
            ])
    }

    @Test("it can be read while it is written, and nothing appears after finishing")
    func live() throws {
        let writer = try RecordingWriter(path: scratch.file())
        writer.record(Array(repeating: .phase(PhaseMark(time: Moment(nanoseconds: 7), name: "p")), count: 5000))
        let recording = try Recording(path: scratch.file())
        while try recording.phases().isEmpty { try #require(writer.failure == nil) }
        try writer.finish()
        try writer.finish()
        writer.record([.phase(PhaseMark(time: Moment(nanoseconds: 7), name: "late"))])
        try writer.finish()
        #expect(try recording.phases().count == 5000)
        #expect(try Recording(path: scratch.file()).phases().count == 5000)
    }

    @Test("a file that is there is not replaced, unless asked and it is a recording")
    func replacing() throws {
        let path = try scratch.recording(of: Observation.full())
        #expect(throws: RecordingError.self) { try RecordingWriter(path: path) }
        try RecordingWriter(path: path, replacing: true).finish()
        #expect(try Recording(path: path).phases() == [])

        let letter = try scratch.write("dear all".utf8, name: "letter.txt")
        let error = try #require(throws: RecordingError.self) { try RecordingWriter(path: letter, replacing: true) }
        #expect(error.kind == .exists && error.exitCode == 64)
        #expect(try String(contentsOfFile: letter, encoding: .utf8) == "dear all")
    }

    @Test("a directory that is not there is said at once: exit 64")
    func noDirectory() throws {
        let error = try #require(throws: RecordingError.self) {
            try RecordingWriter(path: scratch.path + "/no/such.loopscope")
        }
        #expect(error.kind == .uncreatable && error.exitCode == 64)
    }

    @Test("a write that fails is remembered and ends the recording; what was committed stays")
    func failedWrite() throws {
        let writer = try RecordingWriter(path: scratch.file())
        writer.record([.phase(PhaseMark(time: Moment(nanoseconds: 1), name: "kept"))])
        let recording = try Recording(path: scratch.file())
        while try recording.phases().isEmpty { try #require(writer.failure == nil) }
        try DatabaseQueue(path: scratch.file()).write { try $0.execute(sql: "DROP TABLE notes") }
        writer.record([.note(ProbeNote(time: Moment(nanoseconds: 2), text: "lost"))])
        let error = try #require(throws: RecordingError.self) { try writer.finish() }
        #expect(error.kind == .unwritable && error.exitCode == 70)
        #expect(try recording.phases().map(\.name) == ["kept"])
    }

    @Test("a recorder killed while it writes has lost nothing it committed")
    func killed() throws {
        let victim = Process()
        victim.executableURL = try #require(Bundle.builtExecutables).appending(path: "RecordingVictim")
        victim.arguments = [scratch.file()]
        let output = Pipe()
        victim.standardOutput = output
        victim.standardInput = Pipe()
        try victim.run()
        defer { kill(victim.processIdentifier, SIGKILL) }
        try #require(output.fileHandleForReading.availableData == Data("ready\n".utf8))

        let live = try Recording(path: scratch.file())
        var committed: Int64 = 0
        while committed < 10_000 {
            try #require(victim.isRunning)
            committed = try live.lastMoment()?.nanoseconds ?? 0
        }
        kill(victim.processIdentifier, SIGKILL)
        victim.waitUntilExit()

        let events = try Recording(path: scratch.file()).connections()
        #expect(events.count > committed)
        #expect(events.map(\.connection) == Array(0..<UInt64(events.count)))
        #expect(try Recording(path: scratch.file()).end() == nil)
    }
}

extension Bundle {
    /// Where the build put the executables: beside the test bundle.
    fileprivate static var builtExecutables: URL? {
        CommandLine.arguments.first.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
    }
}
