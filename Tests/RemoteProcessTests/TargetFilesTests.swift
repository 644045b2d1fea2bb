import Foundation
import Glibc
import RemoteProcess
import Testing

@Suite("Source files of a target")
struct TargetFilesTests {
    private let folder: URL
    private let files: TargetFiles

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "loopscope-sources-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        files = TargetFiles(of: try ProcessIdentity(of: getpid()))
    }

    private func file(_ text: String, modified seconds: Double) throws -> String {
        let url = folder.appending(path: "consumers.py")
        try Data(text.utf8).write(to: url)
        let date = Date(timeIntervalSinceNow: seconds)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: url.path)
        return url.path
    }

    private func text(of name: String) -> [String]? {
        (try? files.lines(of: name))?.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("a file older than the process is read, line by line")
    func old() throws {
        let path = try file("class A:\n    pass\n", modified: -86400)
        #expect(text(of: path) == ["class A:", "    pass", ""])
    }

    @Test("one that was changed after the process began is not: it is not what runs")
    func newer() throws {
        let path = try file("class A:\n", modified: 3600)
        #expect(throws: TargetFiles.Refusal.newer) { try files.lines(of: path) }
    }

    @Test("what is no text, or larger than any source, says so")
    func otherContent() throws {
        let binary = try file("GIF89a\0\0", modified: -86400)
        #expect(throws: TargetFiles.Refusal.binary) { try files.lines(of: binary) }
        let large = try file(String(repeating: "x = 1\n", count: 800_000), modified: -86400)
        #expect(throws: TargetFiles.Refusal.tooLarge) { try files.lines(of: large) }
    }

    @Test("what is no regular file, has no name, or is not there is nothing, and nobody waits for it")
    func others() throws {
        let pipe = folder.appending(path: "pipe.py").path
        #expect(mkfifo(pipe, 0o600) == 0)
        for name in [pipe, folder.path, "/no/such/file.py", "/dev/zero"] {
            #expect(throws: TargetFiles.Refusal.unreadable, "\(name)") { try files.lines(of: name) }
        }
        for name in ["<string>", "", "a\0b"] {
            #expect(throws: TargetFiles.Refusal.noFile, "\(name)") { try files.lines(of: name) }
        }
    }
}
