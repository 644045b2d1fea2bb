import GRDB
import Glibc
public import Observations

/// A recording to read: every function is a query. Opens read only and changes nothing, also of a file that is still
/// being written.
public struct Recording: ObservationSource, Sendable {
    /// The file.
    public let path: String
    private let database: DatabaseQueue

    /// Opens a recording.
    ///
    /// One of an older schema is copied into memory and brought up to date there.
    ///
    /// - Throws: `.missing`, `.unreadable`, `.notSQLite`, `.otherApplication`, `.newerSchema` or `.damaged`.
    public init(path: String) throws(RecordingError) { try self.init(path: path, schema: .current) }

    init(path: String, schema: Schema) throws(RecordingError) {
        self.path = path
        try Self.checkHeader(path)
        do {
            var configuration = Configuration()
            configuration.label = "loopscope.recording.reader"
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { database in
                // The file is a stranger's: its views and triggers may call nothing, its pages are checked.
                try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
            }
            let file = try DatabaseQueue(path: path, configuration: configuration)
            let version = try file.read { try Self.check($0, path: path, schema: schema) }
            database = version == schema.version ? file : try Self.migrated(file, from: version, schema: schema)
        } catch {
            throw .reading(path, error)
        }
    }

    private static func checkHeader(_ path: String) throws(RecordingError) {
        let header = FileHeader(path: path)
        guard header.errno != ENOENT else { throw .missing(path) }
        guard header.errno == 0 else { throw .unreadable(path, why: String(cString: strerror(header.errno))) }
        guard !header.bytes.isEmpty else { throw .notSQLite(path, why: "the file is empty") }
        guard header.isSQLite else { throw .notSQLite(path, why: "the file does not begin as an SQLite database does") }
        guard header.bytes.count == FileHeader.length else {
            throw .damaged(path, why: "the file ends after \(header.bytes.count) bytes, within its header")
        }
        // SQLite itself forgives a last page that is cut. Beside a -wal the main file may be behind: then it judges.
        if let stated = header.statedLength, header.size < stated, FileHeader(path: path + "-wal").size == 0 {
            throw .damaged(path, why: "the file was cut: it has \(header.size) of \(stated) bytes")
        }
    }

    /// The file's schema version, once it is known to be a recording whose tables are as this release would have made.
    private static func check(_ database: Database, path: String, schema: Schema) throws -> Int {
        let id = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard id == Schema.applicationID else { throw RecordingError.otherApplication(path, id: id) }
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version <= schema.version else { throw RecordingError.newerSchema(path, version: version) }
        guard version > 0 else {
            throw RecordingError.damaged(path, why: "it says schema \(version), and there was none")
        }
        let found = try Schema.definitions(in: database)
        for (name, definition) in try schema.definitions(at: version) where found[name] != definition {
            // A table that is really a view could run anything, and for ever.
            throw RecordingError.damaged(path, why: "its table \(name) is missing or was altered")
        }
        return version
    }

    private static func migrated(_ file: DatabaseQueue, from version: Int, schema: Schema) throws -> DatabaseQueue {
        let copy = try DatabaseQueue()
        try file.backup(to: copy)
        try copy.write { try schema.apply(from: version, in: $0) }
        return copy
    }

    /// Runs queries on one state of the file.
    func read<Value>(_ body: (Snapshot) throws -> Value) throws(RecordingError) -> Value {
        do {
            return try database.read { try body(Snapshot($0)) }
        } catch {
            throw .reading(path, error)
        }
    }
}
