import Foundation

/// The built program, run as a user runs it.
enum Program {
    /// Its path: beside the tests.
    static var path: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "loopscope").path
    }

    /// What a run came to; both streams in one, as on a terminal.
    struct Outcome: Sendable, CustomStringConvertible {
        var status: Int32
        var output: String
        var description: String { "\(status)\n\(output)" }
    }

    /// Runs a shell's command line in which `loopscope` is the program; `at` is told of each line as it comes.
    static func shell(
        _ line: String, environment: [String: String] = [:], at: (String, Int32) -> Void = { _, _ in }
    ) async throws -> Outcome {
        let path = URL(filePath: Self.path).deletingLastPathComponent().path
        let search =
            (environment["PATH"].map { $0 + ":" } ?? "") + path + ":"
            + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
        let child = try ChildProcess(
            ["sh", "-c", "exec 2>&1; " + line], environment: environment.merging(["PATH": search]) { _, new in new })
        var output = ""
        while let line = try await child.readLine() {
            output += line + "\n"
            at(line, child.pid)
        }
        return Outcome(status: try await child.finish(), output: output)
    }
}
