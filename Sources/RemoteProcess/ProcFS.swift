import Glibc

/// Why something under /proc could not be read.
public struct ProcError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path.
    public var path: String
    /// The kernel's reason. ENOENT and ESRCH mean that the process has ended.
    public var errno: Int32

    /// A path that could not be read, and why.
    public init(path: String, errno: Int32) {
        self.path = path
        self.errno = errno
    }

    /// The path, and the reason in words.
    public var description: String { "\(path): \(String(cString: strerror(errno)))" }
    /// Whether the process has ended.
    public var isGone: Bool { errno == ENOENT || errno == ESRCH }
}

/// The proc file system, at any root: tests give a folder of their own.
///
/// Everything that reads /proc goes through it. Nothing is trusted to be short: every read has a limit.
public struct ProcFS: Hashable, Sendable {
    /// Where it is mounted: `/proc`.
    public let root: String

    /// The file system mounted at `root`.
    public init(root: String = "/proc") { self.root = root }

    /// The path of `name` below the process's folder.
    public func path(_ pid: Int32, _ name: String) -> String { "\(root)/\(pid)/\(name)" }

    /// Reads a file whole, up to `limit` bytes.
    public func read(_ path: String, limit: Int = 1 << 20) throws(ProcError) -> [UInt8] {
        try OpenFile(path).readAll(limit: limit)
    }

    /// Reads a file of the process whole, up to `limit` bytes.
    public func read(_ pid: Int32, _ name: String, limit: Int = 1 << 20) throws(ProcError) -> [UInt8] {
        try read(path(pid, name), limit: limit)
    }

    /// Where a symbolic link points.
    public func readLink(_ path: String) throws(ProcError) -> String {
        var bytes = [CChar](repeating: 0, count: 4097)
        let count = readlink(path, &bytes, 4096)
        guard count >= 0 else { throw ProcError(path: path, errno: Glibc.errno) }
        return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The entries of a folder that are numbers (processes, threads, descriptors), ascending, at most `limit`.
    public func numbers(in path: String, limit: Int = 1 << 20) throws(ProcError) -> [Int32] {
        guard let folder = opendir(path) else { throw ProcError(path: path, errno: Glibc.errno) }
        defer { closedir(folder) }
        var numbers: [Int32] = []
        while numbers.count < limit, let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int32(name) { numbers.append(number) }
        }
        return numbers.sorted()
    }

    /// The size a file or folder says it has; of /proc/PID/fd the number of descriptors, since Linux 6.2.
    public func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// The user a file belongs to.
    public func owner(_ path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    /// Device and inode of the file a path leads to.
    public func fileIdentity(_ path: String) throws(ProcError) -> FileIdentity {
        var status = stat()
        guard stat(path, &status) == 0 else { throw ProcError(path: path, errno: Glibc.errno) }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}

/// Which file it is, whatever its name.
public struct FileIdentity: Hashable, Sendable {
    /// The device.
    public var device: UInt64
    /// The inode on it.
    public var inode: UInt64
}

/// A file open for reading; closed with the value.
public struct OpenFile: ~Copyable {
    /// The descriptor. Valid as long as this value.
    public let descriptor: Int32
    /// The path it was opened by.
    public let path: String

    /// Opens a file.
    public init(_ path: String) throws(ProcError) {
        // Without O_NONBLOCK a pipe put there by the target would be waited for without end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ProcError(path: path, errno: errno) }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Whether it is a file with contents: no pipe, device or folder.
    public var isRegular: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// The file from its start, up to `limit` bytes. The files of /proc are made anew at each such read.
    public func readAll(limit: Int) throws(ProcError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = 4096
        while bytes.count < limit {
            let count = min(chunk, limit - bytes.count)
            let part = try read(at: bytes.count, count: count)
            if bytes.isEmpty { bytes = part } else { bytes += part }
            if part.isEmpty { break }
            chunk = min(chunk * 2, 1 << 20)
        }
        return bytes
    }

    /// Fills `buffer` from the start of the file, without allocating.
    ///
    /// - Returns: the bytes read; `nil` when it cannot be read.
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let got = pread(descriptor, buffer.baseAddress, buffer.count, 0)
        return got >= 0 ? got : nil
    }

    /// At most `count` bytes from `offset`; fewer at the end of the file.
    public func read(at offset: Int, count: Int) throws(ProcError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, filled in
            let got = pread(descriptor, buffer.baseAddress, buffer.count, offset)
            if got < 0 { failure = errno }
            filled = max(got, 0)
        }
        guard failure == 0 else { throw ProcError(path: path, errno: failure) }
        return bytes
    }
}
