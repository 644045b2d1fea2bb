public import Foundation

/// A Python program under test, started here and ended with the value.
///
/// The program prints what it knows of itself as JSON, then `ready`; nobody sleeps. It runs from its text, so that it
/// needs no file in a chroot.
public final class PythonTarget {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    /// What it printed before `ready`.
    public private(set) var lines: [String] = []
    /// Its process.
    public var pid: Int32 { process.processIdentifier }

    /// Starts `fixtures/cpython/NAME.py` and waits until it is ready; `through` a command that runs another, if one is
    /// given.
    public init(
        _ name: String, _ arguments: [String] = [], on interpreter: Interpreter, through command: [String] = []
    ) throws {
        let script = try String(contentsOf: Self.fixtures.appending(path: "\(name).py"), encoding: .utf8)
        let words = command + [interpreter.path, "-c", script] + arguments
        process.executableURL = URL(filePath: words[0])
        process.arguments = Array(words.dropFirst())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        while let line = try readLine() {
            if line == "ready" { return }
            lines.append(line)
        }
        throw Failure(text: "\(name) on \(interpreter) ended before it was ready")
    }

    /// What went wrong with a target.
    public struct Failure: Error { let text: String }

    /// `fixtures/cpython` of this repository.
    public static var fixtures: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "fixtures/cpython")
    }

    /// The first line as JSON.
    public func truth<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data((lines.first ?? "").utf8))
    }

    /// A line that it printed later, as JSON.
    public func truth<Value: Decodable>(_ type: Value.Type = Value.self, in line: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(line.utf8))
    }

    /// The next line it prints.
    public func readLine() throws -> String? {
        var line: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
            if byte == 10 { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    /// Sends it a line.
    public func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data("\(text)\n".utf8)) }

    /// Kills it and waits until it is gone.
    public func end() {
        guard process.isRunning else { return }
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    deinit { end() }
}
