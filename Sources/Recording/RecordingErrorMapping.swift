import GRDB

extension RecordingError {
    /// What an error met while reading means to the user.
    static func reading(_ path: String, _ error: any Error) -> RecordingError {
        switch error {
        case let error as RecordingError: return error
        case let error as Damage:
            return damaged(path, why: "table \(error.table) has a value in column \(error.column) that cannot be there")
        case let error as DatabaseError:
            let words = words(error)
            switch error.resultCode {
            case .SQLITE_NOTADB: return notSQLite(path, why: words)
            case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_BUSY,
                .SQLITE_LOCKED, .SQLITE_NOMEM:
                return unreadable(path, why: words)
            default: return damaged(path, why: words)
            }
        default: return unreadable(path, why: String(describing: error))
        }
    }

    /// What an error met while writing means to the user.
    static func writing(_ path: String, _ error: any Error) -> RecordingError {
        if let error = error as? RecordingError { return error }
        let why = (error as? DatabaseError).map(words) ?? String(describing: error)
        return RecordingError(
            .unwritable, path, why: why,
            remedy: "free space on that disk or name a file elsewhere; what was committed before can be read")
    }

    private static func words(_ error: DatabaseError) -> String {
        "SQLite says: \(error.message ?? "nothing") (\(error.extendedResultCode.rawValue))"
    }
}
