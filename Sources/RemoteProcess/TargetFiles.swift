import Glibc

/// The text files of a target, as it would open them itself, as far as they are still those it runs: a file newer than
/// the process says nothing about it.
public struct TargetFiles: Sendable {
    /// Files larger than this are not read.
    static let sizeLimit = 4 << 20

    private let pid: Int32
    private let proc: ProcFS
    /// When the process started, as seconds since 1970; `nil` when that cannot be told.
    private let started: Double?

    /// The files of a process.
    public init(of identity: ProcessIdentity, in proc: ProcFS = ProcFS()) {
        pid = identity.pid
        self.proc = proc
        started = Self.started(identity)
    }

    /// Why a file's lines are not given.
    public enum Refusal: Error, Hashable, Sendable {
        /// The name is no file's.
        case noFile
        /// It is not there, is no regular file, or may not be read: by us, or by the target, which names the file, so that
        /// we might read more than it.
        case unreadable
        /// It is newer than the process.
        case newer
        /// It is no text.
        case binary
        /// It is larger than any source.
        case tooLarge
    }

    /// The lines of a file, without their ends.
    ///
    /// - Parameter name: a path as the target knows it: of its own root, or of its working directory.
    public func lines(of name: String) throws(Refusal) -> [ArraySlice<UInt8>] {
        guard !name.hasPrefix("<"), !name.isEmpty, !name.utf8.contains(0) else { throw .noFile }
        let path = proc.path(pid, name.hasPrefix("/") ? "root\(name)" : "cwd/\(name)")
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, isReadableByTarget(status) else {
            throw .unreadable
        }
        guard status.st_size <= Self.sizeLimit else { throw .tooLarge }
        if let started, Double(status.st_mtim.tv_sec) > started { throw .newer }
        guard let bytes = try? proc.read(path, limit: Self.sizeLimit) else { throw .unreadable }
        guard !bytes.contains(0) else { throw .binary }
        return bytes.split(separator: 10, omittingEmptySubsequences: false)
    }

    private func isReadableByTarget(_ status: stat) -> Bool {
        if status.st_mode & S_IROTH != 0 { return true }
        guard let credentials = ProcessCredentials(of: "\(pid)", in: proc) else { return false }
        return credentials.user.effective == 0
            || status.st_uid == credentials.user.effective && status.st_mode & S_IRUSR != 0
            || status.st_gid == credentials.group.effective && status.st_mode & S_IRGRP != 0
    }

    private static func started(_ identity: ProcessIdentity) -> Double? {
        var (now, uptime) = (timespec(), timespec())
        guard clock_gettime(CLOCK_REALTIME, &now) == 0, clock_gettime(CLOCK_BOOTTIME, &uptime) == 0 else { return nil }
        let boot = Double(now.tv_sec - uptime.tv_sec) + Double(now.tv_nsec - uptime.tv_nsec) / 1e9
        return boot + Double(identity.startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
