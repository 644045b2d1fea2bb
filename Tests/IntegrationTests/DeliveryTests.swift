import Commands
import Foundation
import Testing

/// Tokens, and promises of delivery, against Channels consumers that verify the ones and keep or break the others.
@Suite("Tokens and numbered messages", .serialized)
struct DeliveryTests {
    private func play(_ scenario: String) async throws -> ReplayedRun {
        let python = try #require(PythonEnvironment.client)
        return try await ReplayedRun.play([
            scenario, "--", "env", "PYTHONPATH=\(Fixtures.servers.path)", python.interpreter, "-m", "uvicorn",
            "--host", "127.0.0.1", "--port", "0", "--log-level", "warning", "delivery:application",
        ])
    }

    @Test(
        "are accepted by a server that checks them itself, and a server that catches up is told from one that does not",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"),
        arguments: ["token", "catch-up"])
    func holds(_ name: String) async throws {
        let run = try await play(Fixtures.scenarios.appending(path: name + ".yaml").path)
        #expect(run.status == .clean && run.failed == 0, "\(run)")
    }

    @Test(
        "are told when they are not what was promised",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func breaks() async throws {
        let feed = "{connect: {path: \"/ws/feed?mode=MODE&after=${last}&upto=5\"}}"
        func client(_ mode: String, _ delivery: String) -> String {
            let first = feed.replacing("MODE", with: "plain")
            let second = feed.replacing("MODE", with: mode).replacing("upto=5", with: "upto=9")
            let some = "{expect: {sequence: {field: seq, from: 1, count: 5}}}"
            let rest = "{expect: {sequence: {field: seq, through: 9, delivery: \(delivery)}, within: 1 s}}"
            return "[\(first), \(some), abort, \(second), \(rest), close]"
        }
        let text = """
            scenario: promises
            clients:
              again: \(client("again", "exactly-once"))
              once: \(client("again", "at-most-once"))
              lossy: \(client("lossy", "at-least-once"))
              allowed: \(client("lossy", "at-most-once"))
              late: \(client("late", "exactly-once"))
            phases:
              - {phase: again, clients: again, population: 1}
              - {phase: once, clients: once, population: 1}
              - {phase: lossy, clients: lossy, population: 1}
              - {phase: allowed, clients: allowed, population: 1}
              - {phase: late, clients: late, population: 1, check: [clients.failed == 3, messages.lost == 2, messages.duplicated == 2]}
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "promises-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let run = try await play(file.path)
        #expect(run.outcomes == ["held", "held", "held"], "\(run)")
        for words in [
            "came twice, and should come exactly-once", "came twice, and should come at-most-once", "1 of the sequence",
        ] {
            #expect(run.error.contains(words), "\(run)")
        }
    }
}
