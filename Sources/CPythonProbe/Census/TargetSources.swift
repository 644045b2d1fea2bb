import CPythonLayouts
import RemoteProcess

/// The source files of a target, as far as they are still those it runs.
///
/// One thread. Remembers what it was asked, and the file it read last.
final class TargetSources {
    /// How far below the first decorator the `def` may be.
    private static let reach = 64

    private let files: TargetFiles
    /// By line and file, as one text: see `StackResolver.Place`.
    private var definitions: [String: Int] = [:]
    private var lastFile: (name: String, lines: [ArraySlice<UInt8>]?) = ("", nil)

    init(of process: PythonProcess) {
        files = TargetFiles(of: process.identity)
    }

    /// The line of a function's `def`. A code object's first line is that of its first decorator, so the file is asked,
    /// once; of libraries it is not.
    func definitionLine(of code: CodeObject) -> Int {
        guard code.isApplication else { return code.firstLine }
        let key = "\(code.firstLine) \(code.fileName)"
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
        if lastFile.name != name { lastFile = (name, try? files.lines(of: name)) }
        return lastFile.lines
    }
}
