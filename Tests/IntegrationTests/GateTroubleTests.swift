import Foundation
import Glibc
import Testing

/// What goes wrong around a gate in CI: every way has its exit code, and says what to do.
@Suite("A gate in trouble", .serialized)
struct GateTroubleTests {
    private static let server = "python3 '\(Fixtures.servers.path)/plain_echo.py'"

    private func run(
        _ options: String = "", server: String = Self.server, before: String = "", budget: String? = nil,
        at: (String, Int32) -> Void = { _, _ in }
    ) async throws -> Program.Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let scenario = """
            scenario: churn
            path: /
            clients: {visitor: [connect, {idle: 100 ms}, close]}
            phases: [{phase: churn, clients: visitor, population: 4, settle: 5 s}]
            """
        try Data(scenario.utf8).write(to: folder.appending(path: "scenario.yaml"))
        try Data((budget ?? "rules: [{metric: fds.growth, max: 0}]").utf8).write(
            to: folder.appending(path: "budget.yaml"))
        return try await Program.shell(
            "cd '\(folder.path)' && \(before) loopscope gate scenario.yaml --budget budget.yaml \(options) -- \(server)",
            at: at)
    }

    @Test("a server that never listens: 69, and how to give it longer")
    func neverReady() async throws {
        let outcome = try await run("--ready-within 1", server: "sleep 60")
        #expect(outcome.status == 69 && outcome.output.contains("--ready-within"), "\(outcome)")
    }

    @Test("a server that dies in the middle: undecided, with its own last words")
    func dies() async throws {
        let outcome = try await run(server: Self.server + " 6")
        #expect(outcome.status == 3 && outcome.output.contains("out of patience"), "\(outcome)")
    }

    @Test("interrupted: 130, and the server is gone", arguments: [SIGINT, SIGTERM])
    func interrupted(_ signal: Int32) async throws {
        let outcome = try await run("--verbose", before: "exec") { line, pid in
            if line.hasPrefix("warming up") { kill(pid, signal) }
        }
        #expect(outcome.status == 130 && outcome.output.contains("interrupted"), "\(outcome)")
        #expect(!outcome.output.contains("CancellationError"))
    }

    @Test(
        "a file system that may not be written: the verdict comes all the same, and what could not be written is said",
        .enabled(if: geteuid() == 0, "only root mounts one"))
    func readOnly() async throws {
        let before = "unshare --mount sh -c 'mount -t tmpfs -o ro none /mnt && TMPDIR=/mnt exec \"$@\"' -"
        let outcome = try await run("--junit /mnt/out.xml", before: before)
        #expect(outcome.status == 64 && outcome.output.contains("gate: passed"), "\(outcome)")
        #expect(outcome.output.contains("cannot write /mnt/out.xml"), "\(outcome)")
        let baseline = try await run("--baseline /mnt/base.json --update-baseline", before: before)
        #expect(baseline.status == 64 && baseline.output.contains("/mnt may not be written"), "\(baseline)")
    }

    @Test("memory that may not be read: says what is lost, goes on, and fails only where the budget needs it")
    func unreadable() async throws {
        let before = "python3 '\(Fixtures.repository.path)/fixtures/cpython/unreadable.py'"
        let enough = try await run(before: before)
        #expect(enough.status == 0 && enough.output.contains("tasks, loops and groups cannot be seen"), "\(enough)")
        let needs = try await run(before: before, budget: "rules: [{metric: tasks.growth, max: 0}]")
        #expect(needs.status == 3 && needs.output.contains("tasks.growth could not be measured"), "\(needs)")
    }
}
