import Glibc
import Foundation

/// A recording that nobody keeps: in a private folder that is removed when the session ends.
///
/// A session that is killed cannot remove its own. Each holds a lock on its folder for as long as its process lives, and the next session
/// removes those whose lock nobody holds any more.
struct TemporaryRecording {
    /// Where the recording goes.
    let path: String
    private let folder: String
    private let lock: Int32

    private static let prefix = "loopscope-recording-"
    private static let (file, lockFile) = ("session.loopscope", "lock")
    /// Most entries of the folder for temporary files that are looked at.
    private static let lookLimit = 65_536

    /// Makes the folder, after those of the dead have been removed.
    ///
    /// - Parameter place: where; by default the folder for temporary files, or memory where the file system may not be written: containers of CI
    ///   often have nothing else. Where it cannot be made, whoever writes to `path` says why.
    init(in place: String? = nil) {
        let places = place.map { [$0] } ?? [FileManager.default.temporaryDirectory.path, "/dev/shm"]
        let place = places.first { FileManager.default.isWritableFile(atPath: $0) } ?? places[0]
        Self.removeThoseOfTheDead(in: place)
        var template = Array("\(place)/\(Self.prefix)XXXXXX".utf8CString)
        let isMade = mkdtemp(&template) != nil
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = folder + "/" + Self.file
        guard isMade else {
            lock = -1
            return
        }
        // Under another name until it is locked: a folder without a lock is not anybody's to remove.
        lock = open(folder + "/new", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        if lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 { rename(folder + "/new", folder + "/" + Self.lockFile) }
    }

    /// Ends it.
    func remove() {
        Self.remove(folder)
        if lock >= 0 { close(lock) }
    }

    /// Removes the folders whose process has ended. Nothing else is touched: not a folder of another user, not what has no lock, not a file of
    /// another name.
    private static func removeThoseOfTheDead(in place: String) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: place), names.count <= lookLimit else {
            return
        }
        for name in names where name.hasPrefix(prefix) {
            let folder = place + "/" + name
            var status = stat()
            guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
                continue
            }
            let lock = open(folder + "/" + lockFile, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { remove(folder) }
            close(lock)
        }
    }

    private static func remove(_ folder: String) {
        for name in [file, file + "-wal", file + "-shm", lockFile, "new"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }
}
