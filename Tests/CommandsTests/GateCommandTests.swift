import Foundation
import Testing

@testable import Commands

@Suite("gate", .serialized)
struct GateCommandTests {
    /// A folder of its own for one test.
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private func scenario(_ path: String, in folder: URL) throws -> String {
        let file = folder.appending(path: "scenario.yaml")
        let text = """
            scenario: churn
            path: \(path)
            clients: {visitor: [connect, {wait: 20 ms}, close]}
            phases: [{phase: churn, clients: visitor, population: 5, settle: 10 s}]
            """
        try Data(text.utf8).write(to: file)
        return file.path
    }

    @Test("passes a healthy consumer against its own baseline, and writes every output that was asked for")
    func clean() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (scenario, baseline) = (
            try scenario("/ws/echo/", in: folder), folder.appending(path: "base/line.json").path
        )
        let none = await loopscope("gate", scenario, "--baseline", baseline)
        #expect(none.status == .inconclusive && none.printed.output.contains("--update-baseline"))
        let first = await loopscope("gate", scenario, "--baseline", baseline, "--update-baseline")
        #expect(first.status == .clean, "\(first.printed.output)\(first.printed.error)")
        let files = ["junit", "sarif", "markdown"].map { ($0, folder.appending(path: $0).path) }
        var arguments = ["gate", scenario, "--baseline", baseline, "--github", "--json"]
        for (name, path) in files { arguments += ["--\(name)", path] }
        let printed = Printed()
        let summary = folder.appending(path: "summary.md").path
        let status = await Loopscope.run(
            arguments, in: printed.world(environment: ["GITHUB_STEP_SUMMARY": summary]))
        #expect(status == .clean, "\(printed.output)\(printed.error)")
        for (_, path) in files { #expect(FileManager.default.contents(atPath: path)?.isEmpty == false) }
        #expect(FileManager.default.contents(atPath: summary)?.isEmpty == false)
        #expect(printed.output.contains("\"schema\": \"loopscope/gate/1\""))
    }

    @Test("fails a consumer that swallows its stop, by name and line, with the annotation at it")
    func sick() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = await loopscope(
            "gate", try scenario("/ws/chat/lobby/", in: folder), "--baseline", folder.appending(path: "none").path,
            "--github")
        #expect(run.status == .findings)
        #expect(run.printed.output.contains("ChatConsumer.dispatch") && run.printed.output.contains("consumers.stuck"))
        #expect(run.printed.error.contains("::error file=") && run.printed.error.contains("title=LS001"))
    }

    @Test("bears what is suppressed, and fails when the day has passed")
    func suppressed() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let scenario = try scenario("/ws/chat/lobby/", in: folder)
        let budget = folder.appending(path: "budget.yaml")
        let rules = "rules: [{metric: clients.failed, max: 0}]\nsuppress: [{finding: LS001, reason: known, until: "
        // The tests' clock stands at 2026-11-25.
        try Data((rules + "2026-12-31}]").utf8).write(to: budget)
        let borne = await loopscope("gate", scenario, "--budget", budget.path, "--baseline", "/nowhere/base.json")
        #expect(
            borne.status == .clean && borne.printed.output.contains("borne until 2026-12-31"), "\(borne.printed.output)"
        )
        try Data((rules + "2026-01-31}]").utf8).write(to: budget)
        let late = await loopscope("gate", scenario, "--budget", budget.path, "--baseline", "/nowhere/base.json")
        #expect(late.status == .findings && late.printed.output.contains("expired on 2026-01-31"))
    }

    @Test("says where a budget or a baseline is wrong")
    func mistakes() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let scenario = try scenario("/ws/echo/", in: folder)
        let file = folder.appending(path: "x")
        try Data("rules:\n  - {metric: fds.grwth, max: 0}".utf8).write(to: file)
        let budget = await loopscope("gate", scenario, "--budget", file.path)
        #expect(budget.status == .wrongContent && budget.printed.error.contains("\(file.path):2:"))
        let baseline = await loopscope("gate", scenario, "--baseline", file.path)
        #expect(baseline.status == .wrongContent && baseline.printed.error.contains("is no baseline"))
        let missing = await loopscope("gate", scenario, "--budget", "/nowhere.yaml")
        #expect(missing.status == .unreadable)
        let unwritable = await loopscope("gate", scenario, "--baseline", "/proc/nowhere/b.json", "--update-baseline")
        #expect(unwritable.status == .usage && unwritable.printed.error.contains("cannot write"))
    }
}
