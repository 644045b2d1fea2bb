import Foundation

/// A CPython minor with the servers under test, as `scripts/setup-pythons` made it.
struct PythonEnvironment: Sendable, CustomStringConvertible {
    /// "3.13"
    let minor: String
    /// What to run; for the Debian ones a wrapper that enters their root and keeps the pid.
    let interpreter: String

    var description: String { "CPython \(minor)" }
    /// 13 for 3.13, to compare by.
    var minorNumber: Int { Int(minor.split(separator: ".").last ?? "") ?? 0 }
    /// Whether the second, newer uvicorn is there; `requirements/unavailable.txt` says why not.
    var hasCurrentUvicorn: Bool { minorNumber >= 10 }

    /// The folder of the second, newer uvicorn.
    var currentUvicorn: String {
        URL(fileURLWithPath: interpreter).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "uvicorn-current").path
    }

    /// All that this machine has, oldest first. Empty before `make setup-ci`.
    static let available: [PythonEnvironment] = {
        let variables = ProcessInfo.processInfo.environment
        let cache = variables["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
        let folder = variables["LOOPSCOPE_VENVS"] ?? (variables["LOOPSCOPE_CACHE"] ?? cache + "/loopscope") + "/venvs"
        return (9...15).map { "3.\($0)" }.compactMap { minor in
            let environment = PythonEnvironment(minor: minor, interpreter: "\(folder)/\(minor)/bin/python")
            // The stamp is written last, when every package is in.
            return FileManager.default.fileExists(atPath: "\(folder)/\(minor)/stamp") ? environment : nil
        }
    }()

    /// The minor of the report that loopscope began with, or the nearest older one that is here.
    static let preferred = available.last { $0.minorNumber <= 13 } ?? available.last
    /// One that runs outside any foreign root, for the client.
    static let client = available.last { (10...12).contains($0.minorNumber) } ?? preferred

    /// Why the tests that need one are skipped.
    static let absence = "no Python environment with the servers: make setup-ci"
}

/// Where the files under `fixtures/` are.
enum Fixtures {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let servers = repository.appendingPathComponent("fixtures/servers")
    static let scenarios = repository.appendingPathComponent("fixtures/scenarios")

    /// Whether the slow, complete rows are asked for (`make matrix`).
    static let wantsFullMatrix = ProcessInfo.processInfo.environment["LOOPSCOPE_MATRIX"] == "full"
    /// Whether a real Redis can be started.
    static let hasRedis = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/redis-server") }
}
