import AgentRing
import Glibc

/// The bytes of a memory's file: owns the descriptor. Whoever shares it uses it from one thread.
final class RingFile: RingBytes, Sendable {
    private let descriptor: Int32

    /// Opens it, if it is a plain file that nobody but its owner may write to.
    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o022 == 0 else {
            return nil
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The process that holds the file's lock, by its number here: 0 when it is in a place that cannot be seen from here,
    /// `nil` when it has ended. One that closes every descriptor gives the lock up and lives on.
    func holder() -> Int32? {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return lock.l_pid
    }

    /// Reads; a short read ends it.
    func read(at place: Int, count: Int) -> [UInt8] {
        guard count > 0, place >= 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = max(0, pread(descriptor, buffer.baseAddress, count, off_t(place)))
        }
    }
}
