import GRDB
import Glibc
import Observations

/// The file a writer writes: makes it, commits to it, closes it. Guarded by the writer's lock.
struct RecordingFile: Sendable {
    private let path: String
    private let database: DatabaseQueue
    private let appender: LentAppender

    /// The appender belongs to the database's queue and is touched only inside its `write`: hence unchecked.
    private final class LentAppender: @unchecked Sendable {
        var appender: Appender?
        init(_ appender: Appender) { self.appender = appender }
    }

    init(path: String, replacing: Bool) throws(RecordingError) {
        self.path = path
        try Self.clear(path, replacing: replacing)
        var configuration = Configuration()
        configuration.label = "loopscope.recording.writer"
        configuration.busyMode = .timeout(5)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            // The tables are made before the switch to WAL, so that the main file alone says what it is.
            try database.write { try Schema.current.create(in: $0) }
            appender = try database.writeWithoutTransaction { database in
                // A killed process loses nothing in WAL with NORMAL; only a crash of the machine may cost the last commits.
                // Rows are appended: half of the usual cache does as well, and is 1 MB.
                try database.execute(
                    sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1000")
                return LentAppender(try Appender(in: database))
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            throw RecordingError(
                .uncreatable, path, why: "its directory does not exist, or may not be written to",
                remedy: "name a file in a directory of your own")
        } catch {
            throw .writing(path, error)
        }
    }

    /// Commits observations in one transaction, with a note about those that had to be dropped.
    func append(_ observations: ArraySlice<Observation>, dropped: Int) throws(RecordingError) {
        do {
            try database.write { _ in
                guard let appender = appender.appender else { return }
                try appender.append(observations)
                guard dropped > 0 else { return }
                let time = observations.last { $0.time != nil }?.time ?? Moment(nanoseconds: 0)
                let text = "\(dropped) observations are missing here: they came faster than the disk could take them"
                try appender.append([.note(ProbeNote(time: time, text: text))])
            }
        } catch {
            throw .writing(path, error)
        }
    }

    /// Folds the -wal file into the main one and removes it; where a reader is in the way, they stay two files.
    func close() {
        try? database.writeWithoutTransaction {
            // SQLite closes a database only when its statements are gone.
            appender.appender = nil
            try $0.execute(sql: "PRAGMA journal_mode = DELETE")
        }
        try? database.close()
    }

    /// Makes way for a new file.
    private static func clear(_ path: String, replacing: Bool) throws(RecordingError) {
        guard access(path, F_OK) == 0 else { return }
        let header = FileHeader(path: path)
        guard replacing, header.errno == 0, header.size == 0 || header.applicationID == Schema.applicationID else {
            throw RecordingError(
                .exists, path, why: "there is a file of that name, and it may be of use to someone",
                remedy: "remove it, or name another")
        }
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
    }
}
