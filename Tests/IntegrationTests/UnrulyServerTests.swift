import Commands
import Foundation
import Testing

/// Servers that misbehave as processes: each has its exit code and says what happened, and nothing of them stays.
@Suite("A launched server that misbehaves", .serialized)
final class UnrulyServerTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "unruly-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func play(
        _ mode: String, _ argument: String = "", options: [String] = [], checks: String = "", population: Int = 3
    ) async throws -> ReplayedRun {
        let scenario = """
            scenario: visits
            path: /
            clients: {visitor: [connect, close]}
            phases: [{phase: visits, clients: visitor, population: \(population), check: [\(checks)]}]
            """
        let file = folder.appending(path: "scenario.yaml")
        try Data(scenario.utf8).write(to: file)
        let server = ["python3", "\(Fixtures.servers.path)/unruly.py", mode] + (argument.isEmpty ? [] : [argument])
        return try await ReplayedRun.play([file.path] + options + ["--"] + server)
    }

    /// Whether a process that has written its pid into a file still runs; not when it waits to be reaped.
    private func isRunning(_ file: URL) throws -> Bool {
        let pid = try #require(Int32(try String(contentsOf: file, encoding: .utf8)))
        let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        return stat.map { !$0.contains(") Z ") } ?? false
    }

    @Test("that ends at once: 69, with how it ended and what it wrote")
    func fails() async throws {
        let run = try await play("fails")
        #expect(run.status == .unavailable, "\(run)")
        #expect(run.error.contains("ended with exit code 1, before it listened"), "\(run)")
        #expect(run.error.contains("no configuration: /etc/unruly.conf"), "\(run)")
    }

    @Test("that ignores SIGTERM is killed, and a check of how long it took fails")
    func stubborn() async throws {
        let run = try await play("stubborn", options: ["--exit-within", "1"], checks: "exit.seconds <= 1 s")
        #expect(run.status == .regression && run.outcomes == ["failed"], "\(run)")
        #expect(run.error.contains("did not end within 1 s of SIGTERM and was killed"), "\(run)")
    }

    @Test("that leaves a process behind, in a session of its own and deaf to SIGTERM: that one is ended too")
    func orphan() async throws {
        let file = folder.appending(path: "pid")
        let run = try await play("orphan", file.path, options: ["--exit-within", "1"])
        #expect(run.status == .clean && run.error.contains("was killed"), "\(run)")
        #expect(try !isRunning(file))
    }

    @Test("that makes a daemon of itself is played against, and ended like any other")
    func daemon() async throws {
        let file = folder.appending(path: "pid")
        let run = try await play("daemon", file.path, checks: "clients.opened == 3, exit.seconds < 5 s")
        #expect(run.status == .clean && run.outcomes == ["held", "held"], "\(run)")
        #expect(try !isRunning(file))
    }

    @Test(
        "that dies in the middle: 69, with its last words, and the recording has what was seen until then",
        arguments: [
            // Before anybody was answered, and after some perhaps were.
            "0", "5",
        ])
    func dies(afterServing limit: String) async throws {
        let recording = FileManager.default.temporaryDirectory.appending(path: "dies-\(UUID().uuidString).loopscope")
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: recording.path + end) } }
        let run = try await play("dies", limit, options: ["--save", recording.path], population: 9)
        #expect(run.status == .unavailable, "\(run)")
        #expect(run.error.contains("the server ended with exit code 3 in the middle of the scenario"), "\(run)")
        #expect(run.error.contains("out of patience"), "\(run)")
        let report = try await Program.shell("loopscope report '\(recording.path)'")
        #expect(report.output.contains("the target exited"), "\(report)")
    }
}
