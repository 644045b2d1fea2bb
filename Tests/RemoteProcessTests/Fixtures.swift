import Foundation

@testable import RemoteProcess

/// A folder that looks like /proc; removed with the value.
struct FakeProc: ~Copyable {
    let folder: URL
    var proc: ProcFS { ProcFS(root: folder.path) }

    init(_ files: [String: String] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fake-proc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    func write(_ name: String, _ text: String) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func link(_ name: String, to target: String) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try? FileManager.default.removeItem(at: file)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

/// A process of our own that has said something; killed by its id with the value.
struct Child: ~Copyable {
    let process: Process
    /// The first line it printed.
    let greeting: String
    private let input = Pipe()
    var pid: Int32 { process.processIdentifier }

    /// Starts `program` and waits for its first line.
    init(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        var line: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { line.append(byte) }
        self.process = process
        greeting = String(decoding: line, as: UTF8.self)
    }

    /// Sends it a line.
    func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data("\(text)\n".utf8)) }

    /// Ends it and waits until the kernel has forgotten it.
    func end() {
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    deinit { if process.isRunning { end() } }
}

/// One line of /proc/PID/stat.
func statLine(pid: Int32, comm: String, state: String = "S", parent: Int32 = 1, start: Int = 777) -> String {
    "\(pid) (\(comm)) \(state) \(parent) 10 10 0 -1 4194560 100 0 0 0 12 34 5 6 20 0 3 0 \(start) 1000000 250 18446744073709551615 1 1 0\n"
}
