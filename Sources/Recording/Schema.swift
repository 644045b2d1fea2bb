import GRDB

/// The tables of a recording, as steps: step *n* makes version *n* out of version *n − 1*.
///
/// A step that has been released is never edited: old files are read by applying the steps they lack to a copy in
/// memory, and a file's tables are compared with what its steps would have made.
struct Schema: Sendable {
    /// "Loop", in the header's `application_id`: tells a recording from any other SQLite file.
    static let applicationID: Int32 = 0x4C6F_6F70

    /// The schema this build writes.
    static let current = Schema(steps: [step1, step2, step3, step4, step5])

    /// SQL scripts, one per version.
    let steps: [String]

    /// The version that all steps together make, in the header's `user_version`.
    var version: Int { steps.count }

    /// The schema's name as reports and the file itself spell it.
    static func name(_ version: Int) -> String { "loopscope/recording/\(version)" }

    /// Makes the tables in an empty database.
    func create(in database: Database) throws {
        try database.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
        try apply(from: 0, in: database)
    }

    /// Applies the steps after version `old`.
    func apply(from old: Int, in database: Database) throws {
        for step in steps.dropFirst(old) { try database.execute(sql: step) }
        try database.execute(
            sql: "UPDATE recording SET schema = ?", arguments: [Self.name(version)])
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Name and definition of every table and view that version `version` has.
    func definitions(at version: Int) throws -> [String: String] {
        let reference = try DatabaseQueue()
        return try reference.write { database in
            try Schema(steps: Array(steps.prefix(version))).create(in: database)
            return try Self.definitions(in: database)
        }
    }

    /// Name and definition of every table and view in a database.
    static func definitions(in database: Database) throws -> [String: String] {
        var definitions: [String: String] = [:]
        let query = try PreparedStatement(
            "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
            in: database)
        while let row = try query.step() {
            guard case .text(let name) = row.cell(0), case .text(let sql) = row.cell(1) else { continue }
            definitions[name] = sql
        }
        return definitions
    }
}
