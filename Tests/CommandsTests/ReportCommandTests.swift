import Foundation
import Testing

@testable import Commands

@Suite("report")
struct ReportCommandTests {
    /// The recording of schema 1 that must stay readable for ever.
    private var fixture: String {
        var folder = URL(filePath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.appending(path: "fixtures/recordings/v1/small.loopscope").path
    }

    private func temporary(_ content: Data) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try content.write(to: file)
        return file.path
    }

    @Test("a recording gives its report as text and as JSON")
    func report() async throws {
        let text = await loopscope("report", fixture, "--fail-on", "never")
        #expect(text.printed.error.isEmpty && text.printed.output.contains("Target"))
        let json = await loopscope("report", fixture, "--json", "--fail-on", "never")
        let value = try JSONSerialization.jsonObject(with: Data(json.printed.output.utf8)) as? [String: Any]
        #expect(value?["schema"] as? String == "loopscope/report/1")
    }

    @Test(
        "every form begins as it should",
        arguments: [("html", "<!doctype html>"), ("svg", "<?xml"), ("folded", ""), ("json", "{"), ("text", "")])
    func forms(format: String, beginning: String) async throws {
        let run = await loopscope("report", fixture, "--format", format, "--fail-on", "never")
        #expect(run.status != .usage && run.printed.error.isEmpty)
        #expect(run.printed.output.lowercased().hasPrefix(beginning))
    }

    @Test("a missing recording is 66, with what, why and what to do")
    func missing() async {
        let run = await loopscope("report", "/nowhere/at-all.loopscope")
        #expect(run.status == .unreadable && run.printed.output.isEmpty)
        for part in ["error: ", "  why: ", "   do: "] { #expect(run.printed.error.contains(part)) }
    }

    @Test(
        "a file that is no recording is 65",
        arguments: [Data("GIF89a nothing of ours".utf8), Data(repeating: 0, count: 9000)])
    func wrongContent(content: Data) async throws {
        let path = try temporary(content)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = await loopscope("report", path)
        #expect(run.status == .wrongContent && run.printed.error.contains("   do: "))
    }

    @Test("a recording that is cut is 65, wherever it is cut", arguments: [100, 512, 4096, 20_000])
    func truncated(length: Int) async throws {
        let whole = try Data(contentsOf: URL(filePath: fixture))
        let path = try temporary(whole.prefix(length))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(await loopscope("report", path).status == .wrongContent)
    }

    @Test("--output writes a file and prints nothing; a folder that is not there is an error that says so")
    func output() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "out-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = await loopscope("report", fixture, "--json", "--output", path, "--fail-on", "never")
        #expect(run.printed.output.isEmpty && run.printed.error.isEmpty)
        #expect(FileManager.default.fileExists(atPath: path))
        let nowhere = await loopscope("report", fixture, "--output", "/nowhere/report.txt")
        #expect(nowhere.status == .usage && nowhere.printed.error.contains("   do: "))
    }

    @Test("two forms at once is a usage error")
    func twoForms() async {
        #expect(await loopscope("report", fixture, "--json", "--format", "text").status == .usage)
    }
}
