import Foundation

/// A CPython found on this machine.
public struct Interpreter: Hashable, Sendable, CustomStringConvertible {
    /// The program, seen from inside `root`.
    public let path: String
    /// The folder of its own it runs in; `nil` for this machine's.
    public let root: String?
    /// The minor version.
    public let minor: Int

    /// For a test's name: `3.13`, `3.14 in a chroot`.
    public var description: String { "3.\(minor)" + (root == nil ? "" : " in a chroot") }

    /// One interpreter of each minor from 3.9 on (the first on PATH, then pyenv's), and those in the folders of
    /// `LOOPSCOPE_PYTHONS`: each a root of its own with /usr/bin/python3.N.
    public static let all: [Interpreter] = {
        let environment = ProcessInfo.processInfo.environment
        var found: [Int: Interpreter] = [:]
        for folder in (environment["PATH"] ?? "").split(separator: ":").map(String.init) + pyenv(environment) {
            for minor in 9...14 where found[minor] == nil {
                let path = "\(folder)/python3.\(minor)"
                // A shim that picks another version by the folder it is called in is no interpreter.
                if FileManager.default.isExecutableFile(atPath: path), !path.contains("/shims/") {
                    found[minor] = Interpreter(path: path, root: nil, minor: minor)
                }
            }
        }
        return found.values.sorted { $0.minor < $1.minor } + chroots(environment)
    }()

    private static func pyenv(_ environment: [String: String]) -> [String] {
        let versions = "\(environment["PYENV_ROOT"] ?? "\(environment["HOME"] ?? "")/.pyenv")/versions"
        return ((try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []).sorted().map {
            "\(versions)/\($0)/bin"
        }
    }

    private static func chroots(_ environment: [String: String]) -> [Interpreter] {
        guard let folder = environment["LOOPSCOPE_PYTHONS"], geteuid() == 0 else { return [] }
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().flatMap { name in
            (9...14).compactMap { minor in
                let root = "\(folder)/\(name)"
                return FileManager.default.isExecutableFile(atPath: "\(root)/usr/bin/python3.\(minor)")
                    ? Interpreter(path: "/usr/bin/python3.\(minor)", root: root, minor: minor) : nil
            }
        }
    }
}
