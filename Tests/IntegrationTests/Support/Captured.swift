import Commands
import Foundation
import Synchronization

/// One command line, and what it printed.
struct Captured: Sendable, CustomStringConvertible {
    let output: String
    let error: String
    let status: ExitReason
    var description: String { "\(status)\n\(output)\n\(error)" }

    /// Runs it in this process.
    static func run(_ arguments: [String]) async -> Captured {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        let status = await Loopscope.run(arguments, in: world)
        let (output, error) = printed.withLock { $0 }
        return Captured(output: output, error: error, status: status)
    }

    /// The report, of a command with `--json`.
    var report: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) ?? [:]
    }

    /// The numbers of a consumer class.
    func row(_ consumer: String) -> [String: Int]? {
        let rows = report["consumers"] as? [[String: Any]] ?? []
        return rows.first { $0["name"] as? String == consumer }?.compactMapValues { $0 as? Int }
    }
}

/// Clients that come to a route of a fixture and go.
enum Churn {
    /// Runs them to their end.
    static func run(_ python: PythonEnvironment, _ port: Int, _ path: String, count: Int, _ more: String...)
        async throws
    {
        let child = try ChildProcess(
            [python.interpreter, Fixtures.servers.appending(path: "churn.py").path, "ws://127.0.0.1:\(port)\(path)"]
                + ["-n", "\(count)"] + more)
        while try await child.readLine() != nil {}
        _ = try await child.finish()
    }

    /// What one client saw, without the times it took.
    static func output(_ python: PythonEnvironment, _ port: Int, _ path: String, _ more: String...) async throws
        -> String
    {
        let child = try ChildProcess(
            [python.interpreter, Fixtures.servers.appending(path: "churn.py").path, "ws://127.0.0.1:\(port)\(path)"]
                + ["-n", "1"] + more)
        var lines: [String] = []
        while let line = try await child.readLine() { lines.append(line) }
        let status = try await child.finish()
        let value = try? JSONSerialization.jsonObject(with: Data(lines.joined().utf8)) as? [String: Any]
        let kept = (value ?? [:]).filter { !$0.key.hasSuffix("_ms") }.map { "\($0.key) \($0.value)" }.sorted()
        return "\(status) \(kept)"
    }
}
