import Foundation
import Testing

@testable import Commands

/// The demo is a real server, real sockets and real time: one at a time, so that one's spin is not another's lag.
@Suite("demo", .serialized)
struct DemoTests {
    static let faces = [
        ("uvicorn-websockets", "LS001"), ("uvicorn-sansio", "LS002"), ("hypercorn", "LS002"), ("daphne", "LS003"),
    ]

    @Test("shows each face of the bug, accuses the sick consumer and not its twin", arguments: faces)
    func shows(policy: String, code: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let page = folder.appending(path: "report.html").path
        let recording = folder.appending(path: "demo.loopscope").path
        let run = await loopscope("demo", "--policy", policy, "--output", page, "--save", recording, "--json")
        #expect(run.status == .clean, "\(run.printed.error)")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(run.printed.output.utf8)) as? [String: Any])
        let findings = try #require(report["findings"] as? [[String: Any]])
        #expect(findings.compactMap { $0["code"] as? String } == [code])
        #expect(findings.first?["count"] as? Int == 3)
        #expect(findings.first?["grade"] as? String == "exact")
        let place = try #require(findings.first?["location"] as? [String: Any])
        let file = try #require(place["file"] as? String)
        let line = try #require(place["line"] as? Int)
        let source = try String(contentsOfFile: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(source[line - 1].contains("func dispatch"), "\(file):\(line) is \(source[line - 1])")
        #expect(FileManager.default.fileExists(atPath: page))

        let again = await loopscope("report", recording, "--json")
        #expect(again.status == .findings)
        #expect(again.printed.output.contains(code))
    }

    @Test("an unknown policy is a usage error that names those there are")
    func unknownPolicy() async {
        let run = await loopscope("demo", "--policy", "apache")
        #expect(run.status == .usage && run.printed.error.contains("hypercorn"))
    }
}
