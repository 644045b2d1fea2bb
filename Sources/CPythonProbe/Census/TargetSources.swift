import CPythonLayouts
import Glibc
import RemoteProcess

/// The source files of a target, as far as they are still those it runs.
///
/// One thread. Remembers what it was asked, and the file it read last.
final class TargetSources {
    /// Files larger than this are not looked into.
    private static let limit = 4 << 20
    /// How far below the first decorator the `def` may be.
    private static let reach = 64

    private let pid: Int32
    private let proc = ProcFS()
    /// When the process started, as seconds since 1970; `nil` when that cannot be told.
    private let started: Double?
    private var definitions: [Definition: Int] = [:]

    private struct Definition: Hashable {
        let file: String
        let line: Int
    }
    private var lastFile: (name: String, lines: [ArraySlice<UInt8>]?) = ("", nil)

    init(of process: PythonProcess) {
        pid = process.pid
        started = Self.started(process.identity)
    }

    /// The line of a function's `def`. A code object's first line is that of its first decorator, so the file is asked,
    /// once; of libraries it is not.
    func definitionLine(of code: CodeObject) -> Int {
        guard code.isApplication else { return code.firstLine }
        let key = Definition(file: code.fileName, line: code.firstLine)
        if let known = definitions[key] { return known }
        // A target that makes functions without end must not fill us.
        if definitions.count >= Self.cacheLimit { definitions.removeAll() }
        let line = findDefinition(of: code)
        definitions[key] = line
        return line
    }

    private static let cacheLimit = 1 << 16

    private func findDefinition(of code: CodeObject) -> Int {
        guard let lines = lines(of: code.fileName), code.firstLine > 0 else { return code.firstLine }
        for offset in 0..<Self.reach {
            let index = code.firstLine - 1 + offset
            guard index < lines.count else { break }
            let line = lines[index].drop { $0 == 32 || $0 == 9 }
            if line.starts(with: "def ".utf8) || line.starts(with: "async ".utf8) { return index + 1 }
            // Only decorators and their arguments may come before it.
            if offset == 0, line.first != UInt8(ascii: "@") { break }
        }
        return code.firstLine
    }

    /// The lines of a file as the target would open it; `nil` when it cannot be read or is newer than the process.
    private func lines(of name: String) -> [ArraySlice<UInt8>]? {
        if lastFile.name != name { lastFile = (name, readLines(of: name)) }
        return lastFile.lines
    }

    private func readLines(of name: String) -> [ArraySlice<UInt8>]? {
        guard !name.hasPrefix("<"), !name.isEmpty else { return nil }
        let path = proc.path(pid, name.hasPrefix("/") ? "root\(name)" : "cwd/\(name)")
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        if let started, Double(status.st_mtim.tv_sec) > started { return nil }
        guard let bytes = try? proc.read(path, limit: Self.limit) else { return nil }
        return bytes.split(separator: 10, omittingEmptySubsequences: false)
    }

    private static func started(_ identity: ProcessIdentity) -> Double? {
        var (now, uptime) = (timespec(), timespec())
        guard clock_gettime(CLOCK_REALTIME, &now) == 0, clock_gettime(CLOCK_BOOTTIME, &uptime) == 0 else { return nil }
        let boot = Double(now.tv_sec - uptime.tv_sec) + Double(now.tv_nsec - uptime.tv_nsec) / 1e9
        return boot + Double(identity.startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
