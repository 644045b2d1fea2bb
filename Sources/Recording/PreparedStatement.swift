import GRDB
import GRDBSQLite

/// A prepared statement, driven through SQLite's own interface. The unsafe code of this room is here.
///
/// GRDB prepares and finalizes it; binding and reading are done here because GRDB ends a text at its first NUL byte,
/// and names that come from a target must be kept as they are. Used only inside the queue of its database.
struct PreparedStatement {
    /// Keeps the compiled statement alive.
    private let owner: Statement
    private let database: Database

    /// Compiles one statement.
    init(_ sql: String, in database: Database) throws {
        owner = try database.makeStatement(sql: sql)
        self.database = database
    }

    /// Runs a statement that gives no rows.
    func run(_ cells: [Cell]) throws {
        let handle = owner.sqliteStatement
        sqlite3_reset(handle)
        for (index, cell) in cells.enumerated() { try check(Self.bind(cell, to: handle, at: Int32(index + 1))) }
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw failure(code) }
    }

    /// The next row, or `nil` after the last. The row is valid until the next step.
    func step() throws -> SteppedRow? {
        switch sqlite3_step(owner.sqliteStatement) {
        case SQLITE_ROW: return SteppedRow(owner: owner)
        case SQLITE_DONE: return nil
        case let code: throw failure(code)
        }
    }

    private static func bind(_ cell: Cell, to handle: OpaquePointer, at index: Int32) -> Int32 {
        // SQLite copies before returning: the bytes are only borrowed.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch cell {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let value): return sqlite3_bind_int64(handle, index, value)
        case .real(let value): return sqlite3_bind_double(handle, index, value)
        case .text(var value):
            return value.withUTF8 { bytes in
                // A null pointer would bind NULL; an empty text has one.
                guard let base = bytes.baseAddress else { return sqlite3_bind_text(handle, index, "", 0, copied) }
                return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text64(
                        handle, index, $0, UInt64(bytes.count), copied, UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let value):
            return value.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, !bytes.isEmpty else {
                    return sqlite3_bind_zeroblob(handle, index, 0)
                }
                return sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), copied)
            }
        }
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        let message = database.sqliteConnection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
    }
}

/// The row a statement stands on, until the next step.
struct SteppedRow {
    /// The row lives in the compiled statement, so it keeps that alive.
    fileprivate let owner: Statement

    private var handle: OpaquePointer { owner.sqliteStatement }

    /// How many columns it has.
    var count: Int32 { sqlite3_column_count(handle) }

    /// The value of a column, counted from 0; null beyond the last. Bytes that are not UTF-8 become U+FFFD.
    func cell(_ column: Int32) -> Cell {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, column))
        case SQLITE_TEXT:
            guard let bytes = sqlite3_column_text(handle, column) else { return .null }
            let count = Int(sqlite3_column_bytes(handle, column))
            return .text(String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            guard let bytes = sqlite3_column_blob(handle, column) else { return .blob([]) }
            let count = Int(sqlite3_column_bytes(handle, column))
            return .blob(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
        default: return .null
        }
    }
}
