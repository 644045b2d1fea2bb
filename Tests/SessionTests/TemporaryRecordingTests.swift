import Foundation
import Testing

@testable import Session

@Suite("A recording that nobody keeps")
struct TemporaryRecordingTests {
    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test("is gone when its session ends, and when its session was killed the next one removes it, and nothing else")
    func removed() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "recordings-\(UUID().uuidString)").path
        for name in ["loopscope-recording-dead", "loopscope-recording-foreign", "other"] {
            try FileManager.default.createDirectory(atPath: place + "/" + name, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: place) }
        for path in ["dead/lock", "dead/session.loopscope", "dead/session.loopscope-wal", "foreign/notes"] {
            #expect(FileManager.default.createFile(atPath: place + "/loopscope-recording-" + path, contents: nil))
        }
        let first = TemporaryRecording(in: place)
        #expect(FileManager.default.createFile(atPath: first.path, contents: nil))
        let second = TemporaryRecording(in: place)
        #expect(exists(first.path) && first.path != second.path)
        first.remove()
        second.remove()
        #expect(!exists(first.path))
        let left = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
        #expect(left == ["loopscope-recording-foreign", "other"])
    }
}
