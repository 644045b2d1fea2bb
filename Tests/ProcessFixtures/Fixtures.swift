public import Foundation

public import RemoteProcess

/// A folder that looks like /proc; removed with the value.
public struct FakeProc: ~Copyable {
    /// Its root.
    public let folder: URL
    /// It, as what reads /proc takes it.
    public var proc: ProcFS { ProcFS(root: folder.path) }

    /// A folder of these files, by path.
    public init(_ files: [String: String] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fake-proc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    /// Writes a file.
    public func write(_ name: String, _ text: String) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// Writes a file in place, for readers that keep it open.
    public func overwrite(_ name: String, _ text: String) throws {
        let file = try FileHandle(forWritingTo: folder.appending(path: name))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    /// Makes a symbolic link, instead of what was there.
    public func link(_ name: String, to target: String) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try? FileManager.default.removeItem(at: file)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

/// A process of our own that has said something; killed by its id with the value.
public struct Child: ~Copyable {
    /// The process.
    public let process: Process
    /// The first line it printed.
    public let greeting: String
    private let input = Pipe()
    /// Its id.
    public var pid: Int32 { process.processIdentifier }

    /// Starts `program` and waits for its first line.
    public init(_ program: String, _ arguments: [String]) throws {
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
    public func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data("\(text)\n".utf8)) }

    /// Ends it and waits until the kernel has forgotten it.
    public func end() {
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    deinit { if process.isRunning { end() } }
}

/// One line of /proc/PID/stat.
public func statLine(
    pid: Int32, comm: String, state: String = "S", parent: Int32 = 1, start: Int = 777, threads: Int = 3
) -> String {
    "\(pid) (\(comm)) \(state) \(parent) 10 10 0 -1 4194560 100 0 0 0 12 34 5 6 20 0 \(threads) 0 \(start) 1000000 250 18446744073709551615 1 1 0\n"
}
