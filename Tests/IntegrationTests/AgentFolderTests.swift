import Commands
import Foundation
import FoundationNetworking
import Glibc
import Synchronization
import Testing

/// `loopscope agent install` and `attach --agent`: a server that somebody else starts, wherever.
@Suite("A folder with the agent", .serialized)
struct AgentFolderTests {
    /// Where the server runs, as seen from the observer.
    enum Place: String, CaseIterable, Sendable, CustomStringConvertible {
        case beside = "beside the observer"
        case container = "in a container: another numbering of processes"
        var description: String { rawValue }

        /// What makes such a place; a container needs root, as CI has.
        var command: [String] {
            self == .beside || geteuid() != 0 ? [] : ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        }
    }

    @Test(
        "is read from outside, to the unit and from the server's start on, until the server ends",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: Place.allCases)
    func attached(place: Place) async throws {
        let python = try #require(PythonEnvironment.client)
        let folder = URL(filePath: "/dev/shm/loopscope-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let installed = await Captured.run(["agent", "install", "--json", folder.path])
        let value = try JSONSerialization.jsonObject(with: Data(installed.output.utf8)) as? [String: Any]
        let variables = try #require(value?["environment"] as? [String: String], "\(installed)")
        let agent = try #require(variables["PYTHONPATH"])
        let early = await Captured.run(["attach", "--agent", folder.path])
        #expect(early.status == .unavailable && early.error.contains("no process counts into"), "\(early)")

        let port = try CountedRun.freePort()
        let server = CountedServer.uvicorn.command(python.interpreter, port)
        let path = "PYTHONPATH=\(agent):\(Fixtures.servers.path)"
        let process = try ChildProcess(place.command + ["env", path, "PYTHONDONTWRITEBYTECODE=1"] + server)
        try await CountedRun.until(port) { _ in true }
        try await Churn.run(python, port, "/ws/swallow-fixed", count: 3)
        async let attached = Captured.run(["attach", "--agent", folder.path, "--until-exit", "--json"])
        try await Churn.run(python, port, "/ws/swallow-fixed", count: 4, "--send", "hello")
        try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
        let own = try #require(try await CountedRun.get(port, "/end")["/ws/swallow-fixed"])
        let report = await attached
        _ = try await process.finish()

        let row = try #require(report.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(report)")
        #expect(own["opened"] == 7 && row["opened"] == 7 && row["closed"] == 7, "\(row) \(own)")
        #expect(row["started"] == 7 && row["ended"] == own["returned"] && row["stuck"] == 0, "\(row) \(own)")
        #expect(row["disconnects_delivered"] == own["disconnects"], "\(row) \(own)")
        #expect(report.status == .clean, "\(report)")
    }
}
