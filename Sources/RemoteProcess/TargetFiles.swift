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
    private let credentials: ProcessCredentials?

    /// The files of a process.
    public init(of identity: ProcessIdentity, in proc: ProcFS = ProcFS()) {
        pid = identity.pid
        self.proc = proc
        started = Self.started(identity)
        credentials = ProcessCredentials(of: "\(identity.pid)", in: proc)
    }

    /// The lines of a file, without their ends; `nil` when it cannot be read, is no regular file, is too large, is
    /// newer than the process, or may not be read by the target itself: it names the file, and we may read more than it.
    ///
    /// - Parameter name: a path as the target knows it: of its own root, or of its working directory.
    public func lines(of name: String) -> [ArraySlice<UInt8>]? {
        guard !name.hasPrefix("<"), !name.isEmpty, !name.utf8.contains(0) else { return nil }
        let path = proc.path(pid, name.hasPrefix("/") ? "root\(name)" : "cwd/\(name)")
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.sizeLimit,
            isReadableByTarget(status)
        else { return nil }
        if let started, Double(status.st_mtim.tv_sec) > started { return nil }
        guard let bytes = try? proc.read(path, limit: Self.sizeLimit) else { return nil }
        return bytes.split(separator: 10, omittingEmptySubsequences: false)
    }

    private func isReadableByTarget(_ status: stat) -> Bool {
        if status.st_mode & S_IROTH != 0 { return true }
        guard let credentials else { return false }
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
