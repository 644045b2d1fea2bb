import Foundation

/// A CPython found on this machine.
public struct Interpreter: Hashable, Sendable, CustomStringConvertible {
    /// The program.
    public let path: String
    /// The minor version.
    public let minor: Int

    /// For a test's name: `3.13`.
    public var description: String { minor == 7 && path.contains("2.7") ? "2.7" : "3.\(minor)" }

    /// One interpreter of each minor from 3.9 to 3.15 that is here: in the folder that `LOOPSCOPE_VENVS` names
    /// (`3.14/bin/python`, which may enter a root of its own), on PATH, or pyenv's.
    public static let all: [Interpreter] = (9...15).compactMap { minor in
        candidates("3.\(minor)").first { FileManager.default.isExecutableFile(atPath: $0) }.map {
            .init(path: $0, minor: minor)
        }
    }

    /// The distribution's own, where it can be read: a program without symbols that has the interpreter inside, at an
    /// address that was fixed when it was linked, and that every user may run.
    public static let system: Interpreter? = (9...15).lazy.map { (minor: $0, path: "/usr/bin/python3.\($0)") }
        .first { FileManager.default.isExecutableFile(atPath: $0.path) }.map { .init(path: $0.path, minor: $0.minor) }

    /// Those that are too old to be read.
    public static let tooOld: [Interpreter] = ["2.7", "3.6", "3.7", "3.8"].compactMap { version in
        candidates(version).first { FileManager.default.isExecutableFile(atPath: $0) }.map {
            .init(path: $0, minor: Int(version.suffix(1)) ?? 0)
        }
    }

    private static func candidates(_ version: String) -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["HOME"] ?? ""
        // A shim that picks another version by the folder it is called in is no interpreter.
        let path = (environment["PATH"] ?? "").split(separator: ":").filter { !$0.hasSuffix("/shims") }
        let versions = "\(environment["PYENV_ROOT"] ?? "\(home)/.pyenv")/versions"
        let pyenv = ((try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []).sorted()
        return (environment["LOOPSCOPE_VENVS"].map { ["\($0)/\(version)/bin/python"] } ?? [])
            + path.map { "\($0)/python\(version)" } + pyenv.map { "\(versions)/\($0)/bin/python\(version)" }
    }
}
