/// An address in the target's address space. Never dereferenced here.
public typealias RemoteAddress = UInt64

/// Memory that is not ours: a live process, a recorded image, or a snapshot of either.
///
/// Everything read through it is hostile until checked. An implementation never traps,
/// whatever the address; it fills the buffer whole or throws.
public protocol RemoteMemory {
    /// Fills `buffer` with the bytes at `address`.
    ///
    /// - Throws: `RemoteReadError` when any byte of the range is not readable. The buffer's content is then undefined.
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError)

    /// Reads ranges into a buffer, one after the other, at most 1 024 of them, which have room in it.
    ///
    /// - Returns: how many bytes it came, in whole ranges: what follows could not be read, or not all of it.
    func gather(_ ranges: [MemoryRange], into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) -> Int
}

/// A range of the target's memory, as process_vm_readv(2) has it.
public struct MemoryRange: Hashable, Sendable {
    /// Where it begins.
    public var address: RemoteAddress
    /// Its bytes.
    public var count: UInt64

    /// `count` bytes at `address`.
    public init(address: RemoteAddress, count: UInt64) {
        self.address = address
        self.count = count
    }
}

extension RemoteMemory {
    /// Reads range by range.
    public func gather(
        _ ranges: [MemoryRange], into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) -> Int {
        var done = 0
        for range in ranges {
            guard let count = Int(exactly: range.count), count <= buffer.count - done else { return done }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
            do throws(RemoteReadError) { try read(at: range.address, into: part) } catch {
                guard case .unmapped = error else { throw error }
                return done
            }
            done += count
        }
        return done
    }
}

/// Why a read of the target gave nothing.
public enum RemoteReadError: Error, Hashable, Sendable {
    /// The range is not mapped, or not readable (EFAULT, EIO).
    case unmapped(address: RemoteAddress, count: Int)
    /// The process has ended (ESRCH).
    case gone
    /// The kernel refused (EPERM, EACCES).
    case notPermitted
    /// The range is longer than the reader allows, or wraps around: a corrupt length in the target.
    case outOfBounds(address: RemoteAddress, count: Int)
    /// Any other errno.
    case system(errno: Int32)

    /// Whether it tells of what was read, which may have changed under way, and not of the process.
    public var isOfPlace: Bool {
        switch self {
        case .unmapped, .outOfBounds: true
        case .gone, .notPermitted, .system: false
        }
    }
}

/// What `read` finds; `nil` where what was to be read is not there, or not any more.
@inlinable
public func ifThere<Value>(_ read: () throws(RemoteReadError) -> Value) throws(RemoteReadError) -> Value? {
    do throws(RemoteReadError) { return try read() } catch {
        guard error.isOfPlace else { throw error }
        return nil
    }
}

extension RemoteMemory {
    /// Reads one fixed-size integer, little-endian as on every platform supported.
    @inlinable
    public func load<Value: FixedWidthInteger>(
        _ address: RemoteAddress, as type: Value.Type = Value.self
    ) throws(RemoteReadError) -> Value {
        var value: Value = 0
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(RemoteReadError) in
            try read(at: address, into: buffer)
        }
        return Value(littleEndian: value)
    }

    /// Reads a pointer-sized word.
    @inlinable
    public func pointer(_ address: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        try load(address, as: UInt64.self)
    }

    /// Reads `count` bytes, at most `limit`.
    ///
    /// - Throws: `.outOfBounds` when the target asks for more than `limit`: a corrupt or hostile length.
    @inlinable
    public func bytes(
        at address: RemoteAddress, count: Int, limit: Int
    ) throws(RemoteReadError) -> [UInt8] {
        guard count >= 0, count <= limit else { throw .outOfBounds(address: address, count: count) }
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        // Array's closure is untyped (`rethrows`): the error is carried out by value.
        let failure = bytes.withUnsafeMutableBytes { buffer -> RemoteReadError? in
            do throws(RemoteReadError) {
                try read(at: address, into: buffer)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        return bytes
    }
}
