import Observations

/// Why a recording cannot be read or written: what happened, why, and what to do.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds, each with its exit code.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// There is no such file.
        case missing
        /// There is one, and it may not or cannot be read.
        case unreadable
        /// The file is not an SQLite database.
        case notSQLite
        /// An SQLite database that another program made.
        case otherApplication
        /// A recording by a later release.
        case newerSchema
        /// A recording that is cut, overwritten or altered.
        case damaged
        /// A new recording would replace a file.
        case exists
        /// A new recording cannot be made where it was asked for.
        case uncreatable
        /// Writing stopped half-way: the disk is full, or gone.
        case unwritable
    }

    /// The kind.
    public let kind: Kind
    /// What happened, with the file's name.
    public let what: String
    /// Why, as far as it can be told.
    public let why: String
    /// What the user can do.
    public let remedy: String

    /// The process's exit code (`sysexits.h`): 66 when the input is not there, 65 when it is wrong, 64 when the
    /// file to write was ill chosen, 70 when writing failed.
    public var exitCode: Int32 {
        switch kind {
        case .missing, .unreadable: 66
        case .notSQLite, .otherApplication, .newerSchema, .damaged: 65
        case .exists, .uncreatable: 64
        case .unwritable: 70
        }
    }

    /// Three lines for a terminal.
    public var description: String { "\(what)\n  why: \(why)\n   do: \(remedy)" }

    init(_ kind: Kind, _ path: String, why: String, remedy: String) {
        self.kind = kind
        let verb =
            switch kind {
            case .exists, .uncreatable, .unwritable: "write"
            default: "read"
            }
        what = "cannot \(verb) recording \(path.plain())"
        self.why = why.plain()
        self.remedy = remedy
    }

    static func missing(_ path: String) -> RecordingError {
        RecordingError(
            .missing, path, why: "there is no such file",
            remedy: "check the name; `loopscope attach --save FILE` makes one")
    }

    static func unreadable(_ path: String, why: String) -> RecordingError {
        RecordingError(
            .unreadable, path, why: why,
            remedy: "copy it, with its -wal file if there is one, to a directory of your own and read it there")
    }

    static func notSQLite(_ path: String, why: String) -> RecordingError {
        RecordingError(
            .notSQLite, path, why: why, remedy: "name a file that `--save` wrote (they end in .loopscope)")
    }

    static func otherApplication(_ path: String, id: Int32) -> RecordingError {
        RecordingError(
            .otherApplication, path,
            why: "it is an SQLite database of another program (application id \(id), not \(Schema.applicationID))",
            remedy: "name a file that `--save` wrote (they end in .loopscope)")
    }

    static func newerSchema(_ path: String, version: Int) -> RecordingError {
        RecordingError(
            .newerSchema, path,
            why: "its schema is \(Schema.name(version)), and this release knows up to \(Schema.current.version)",
            remedy: "update loopscope, or report with the release that recorded it")
    }

    static func damaged(_ path: String, why: String) -> RecordingError {
        RecordingError(
            .damaged, path, why: why,
            remedy: "record again; `sqlite3 FILE .dump` prints what can still be read of this one")
    }
}
