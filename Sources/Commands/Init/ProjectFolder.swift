import Foundation

/// The files of a project, read within bounds: a folder may be anything.
struct ProjectFolder: Sendable {
    /// Deepest folder, most entries looked at, most bytes of a file.
    static let (depthLimit, entryLimit, sizeLimit) = (6, 20_000, 256 << 10)
    private static let skipped: Set<String> = [
        "node_modules", "venv", "env", "site-packages", "__pycache__", "build", "dist", "migrations", "tests", "test",
    ]

    /// The folder.
    let root: String
    /// Regular files, by path relative to it, nearest first.
    let files: [String]

    /// Lists it. Links are not followed, hidden folders and those of packages and tests are left out.
    init(_ root: String) {
        self.root = root
        var (files, entries, level): ([String], Int, [String]) = ([], 0, [""])
        for _ in 0..<Self.depthLimit {
            var next: [String] = []
            for folder in level {
                let path = folder.isEmpty ? root : root + "/" + folder
                let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
                for name in names.sorted() where !name.hasPrefix(".") && entries < Self.entryLimit {
                    entries += 1
                    let relative = folder.isEmpty ? name : folder + "/" + name
                    switch Self.type(of: root + "/" + relative) {
                    case .typeRegular: files.append(relative)
                    case .typeDirectory where !Self.skipped.contains(name): next.append(relative)
                    default: continue
                    }
                }
            }
            level = next
        }
        self.files = files
    }

    private static func type(of path: String) -> FileAttributeType? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
    }

    /// The text of a file; `nil` when it cannot be read or is no text.
    func text(_ file: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: root + "/" + file) else { return nil }
        defer { try? handle.close() }  // nothing was written
        return (try? handle.read(upToCount: Self.sizeLimit)).flatMap { $0 }.flatMap {
            String(data: $0, encoding: .utf8)
        }
    }

    /// Whether a path is there at all, hidden or not.
    func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }
}
