import Foundation
import FoundationNetworking
import Glibc
import Testing

/// What stands in the agent's way, and what it must not stand in the way of.
@Suite("The agent in trouble", .serialized)
struct AgentTroubleTests {
    /// A command that listens and loads no agent, and what is to be said of it.
    struct Uncounted: Sendable, CustomStringConvertible {
        let description: String
        var options: [String] = []
        var before: [String] = []
        var code = Self.listening
        let reason: String

        static let listening =
            "import signal, socket; kept = socket.create_server(('127.0.0.1', 0)); signal.pause()"
        static let again =
            "import os, sys; os.execve(sys.executable, [sys.executable, '-c', \"\(listening)\"], {})"

        /// The agent's folder on a file system of its own, with room for the agent's text and not for its counters.
        private static let full = """
            folder=${PYTHONPATH%%:*}; folder=${folder%/*}; kept=$(mktemp); tar -C "$folder" -cf "$kept" site-packages
            mount -t tmpfs -o size=512k,mode=700 none "$folder"; tar -C "$folder" -xf "$kept"; rm "$kept"; exec "$@"
            """

        static let all = [
            Uncounted(
                description: "a full disk", before: ["unshare", "--mount", "--map-root-user", "sh", "-ec", full, "sh"],
                code: "import uvicorn.config; " + listening, reason: "No space left on device"),
            Uncounted(description: "-S", options: ["-S"], reason: "runs Python with -S, which loads no sitecustomize"),
            Uncounted(description: "-E", options: ["-E"], reason: "runs Python with -E, which ignores PYTHONPATH"),
            Uncounted(description: "-I", options: ["-X", "dev", "-I"], reason: "runs Python with -I, which ignores"),
            Uncounted(
                description: "started again with a clean environment", code: again,
                reason: "was started with another environment: PYTHONPATH no longer names the agent"),
            Uncounted(
                description: "no server that is known", reason: "imports nothing that the agent knows: uvicorn"),
            Uncounted(
                description: "no room for its memory", before: ["prlimit", "--fsize=100000"],
                code: "import uvicorn.config; " + listening, reason: "File too large"),
        ]
    }

    @Test(
        "a server that is not counted is served, and it is said that nothing was counted and why",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: Uncounted.all)
    func uncounted(case one: Uncounted) async throws {
        let python = try #require(PythonEnvironment.client)
        let command = one.before + [python.interpreter] + one.options + ["-c", one.code]
        let run = await Captured.run(["run", "--duration", "0.2", "--"] + command)
        #expect(run.error.contains("note: nothing is counted: process ") && run.error.contains(one.reason), "\(run)")
        #expect(!run.error.contains("error:") && run.output.contains("Nothing found"), "\(run)")
    }

    @Test(
        "a command that is not Python is told so", .enabled(if: access("/usr/bin/redis-server", X_OK) == 0, "no Redis"))
    func foreign() async throws {
        let port = try CountedRun.freePort()
        let command = ["redis-server", "--port", "\(port)", "--save", "", "--bind", "127.0.0.1"]
        let run = await Captured.run(["run", "--duration", "0.2", "--quiet", "--"] + command)
        #expect(run.error.contains("note: nothing is counted: no process of it runs Python"), "\(run)")
    }

    @Test(
        "an application's own hooks, factories and wrappings go on working, and the counts are right",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func composed() async throws {
        let python = try #require(PythonEnvironment.client)
        var server = CountedServer.uvicorn
        server.application = "stubborn:application"
        let folders = [Fixtures.servers.appending(path: "site").path, Fixtures.servers.path].joined(separator: ":")
        let run = try await CountedRun.run(server, python.interpreter, environment: ["PYTHONPATH": folders]) { port in
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 6, "--send", "hello")
            try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
            let own = try #require(try await CountedRun.get(port, "/stubborn")["own"])
            for name in ["finder", "first factory", "second factory", "await_many_dispatch", "__call__", "site"] {
                #expect(own[name, default: 0] > 0, "\(name): \(own)")
            }
        }
        let own = try #require(run.own["/ws/swallow-fixed"])
        let row = try #require(run.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(run.report)")
        #expect(row["opened"] == 6 && row["closed"] == 6 && row["accepted"] == own["accept"], "\(row) \(own)")
        #expect(row["started"] == 6 && row["ended"] == 6 && row["disconnects_delivered"] == 6, "\(row) \(own)")
        #expect(row["tasks_started"] == row["tasks_ended"], "\(row)")
    }

    @Test(
        "a dispatch loop of another shape than Channels' own, found by the application's own finder, is counted to the unit too",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func reshaped() async throws {
        let python = try #require(PythonEnvironment.client)
        var server = CountedServer.uvicorn
        server.application = "reshaped:application"
        let run = try await CountedRun.run(server, python.interpreter) { port in
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 6, "--send", "hello")
            try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
            // Two messages of each besides its disconnect.
            #expect(try await CountedRun.get(port, "/reshaped")["own"]?["rounds"] == 18)
        }
        let row = try #require(run.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(run.report)")
        #expect(row["opened"] == 6 && row["closed"] == 6 && row["accepted"] == 6, "\(row)")
        #expect(row["started"] == 6 && row["ended"] == 6 && row["disconnects_delivered"] == 6, "\(row)")
        #expect(row["tasks_started"] == row["tasks_ended"] && row["stuck"] == 0, "\(row)")
        #expect(run.grade == "exact" && !run.error.contains("is not counted"), "\(run.error)")
    }

    @Test(
        "workers are counted as one server, each in a memory of its own; one that reloads is counted before and after",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: [false, true])
    func workers(reloads: Bool) async throws {
        let python = try #require(PythonEnvironment.client)
        let watched = URL(filePath: "/tmp/loopscope-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: watched, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: watched) }
        let source = watched.appending(path: "changes.py").path
        #expect(FileManager.default.createFile(atPath: source, contents: Data()))
        let more = reloads ? ["--reload", "--reload-dir", watched.path] : ["--workers", "2"]
        let server = CountedServer(
            name: "\(more)", arguments: ["uvicorn", "--ws", "websockets"] + more + ["--port"], hasMaster: true)
        let run = try await CountedRun.run(server, python.interpreter) { port in
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 8)
            guard reloads else { return }
            try await CountedRun.until(port) { $0["/ws/swallow-fixed"]?["returned"] == 8 }
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: 60)], ofItemAtPath: source)
            // The new process has counted nothing yet.
            try await CountedRun.until(port) { $0.isEmpty }
            try await Churn.run(python, port, "/ws/swallow-fixed", count: 4)
        }
        let row = try #require(run.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(run.report)")
        let all = reloads ? 12 : 8
        #expect(row["opened"] == all && row["closed"] == all && row["accepted"] == all, "\(row)")
        #expect(row["started"] == all && row["ended"] == all && row["disconnects_delivered"] == all, "\(row)")
    }

    @Test(
        "a daemon is kept: counted by the agent, read without it, and ended with the session",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: [true, false])
    func daemon(hasAgent: Bool) async throws {
        let python = try #require(PythonEnvironment.client)
        let server = CountedServer(
            name: "daemon", arguments: ["stubborn", "daemon", "--ws", "websockets", "--port"])
        let options = ["--duration", "5"] + (hasAgent ? [] : ["--no-agent"])
        let port = Port()
        let run = try await CountedRun.run(server, python.interpreter, options: options, ending: "/counts") { number in
            port.number = number
            try await Churn.run(python, number, "/ws/swallow-fixed", count: 5)
        }
        let value = try JSONSerialization.jsonObject(with: Data(run.report.utf8)) as? [String: Any]
        let target = (value?["target"] as? [String: Any])?["description"] as? String
        #expect(target?.contains("uvicorn") == true, "\(run.report)")
        if hasAgent {
            let row = try #require(run.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(run.report)")
            #expect(row["opened"] == 5 && row["disconnects_delivered"] == 5 && row["ended"] == 5, "\(row)")
        }
        #expect(!run.error.contains("error:"), "\(run.error)")
        await #expect(throws: (any Error).self) { try await CountedRun.get(port.number, "/counts") }
    }

    @Test(
        "a reader that is killed harms nobody: the server goes on counting, and the next reader finds it all",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"))
    func killed() async throws {
        let python = try #require(PythonEnvironment.client)
        let port = try CountedRun.freePort()
        let command =
            ["env", "PYTHONPATH=\(Fixtures.servers.path)"] + CountedServer.uvicorn.command(python.interpreter, port)
        let reader = try ChildProcess([Program.path, "run", "--quiet", "--"] + command)
        try await CountedRun.until(port) { _ in true }
        try await Churn.run(python, port, "/ws/swallow-fixed", count: 3)
        let folder = try #require(Self.folder(below: reader.pid))
        defer { try? FileManager.default.removeItem(atPath: folder) }
        kill(reader.pid, SIGKILL)
        _ = try await reader.finish()
        try await Churn.run(python, port, "/ws/swallow-fixed", count: 4, "--send", "hello")
        async let attached = Captured.run(["attach", "--agent", folder, "--until-exit", "--json"])
        try await CountedRun.until(port) { own in own.values.allSatisfy { $0["returned"] == $0["opened"] } }
        let own = try #require(try await CountedRun.get(port, "/end")["/ws/swallow-fixed"])
        let report = await attached
        let row = try #require(report.row("chat.consumers.swallow.SwallowFixedConsumer"), "\(report)")
        #expect(own["opened"] == 7 && row["opened"] == 7 && row["closed"] == 7 && row["ended"] == 7, "\(row) \(own)")
        #expect(row["disconnects_delivered"] == own["disconnects"], "\(row) \(own)")
    }

    /// A number that a client's closure keeps for its test.
    private final class Port: @unchecked Sendable {
        // Written before the run returns, read after it.
        var number = 0
    }

    /// Where the server of a `loopscope run` counts.
    private static func folder(below pid: Int32) -> String? {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        let children = tasks.flatMap { task in
            ((try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/children", encoding: .utf8)) ?? "").split(
                separator: " ")
        }
        for child in children {
            let maps = (try? String(contentsOfFile: "/proc/\(child)/maps", encoding: .utf8)) ?? ""
            guard let line = maps.split(separator: "\n").first(where: { $0.hasSuffix(".ring") }) else { continue }
            return line.split(separator: " ").last.map { URL(filePath: String($0)).deletingLastPathComponent().path }
        }
        return nil
    }
}
