import CLinux
import Glibc
import Synchronization
public import TargetMemory

/// The memory of a live process, read with process_vm_readv(2): the target is neither stopped nor written to.
///
/// Safe on any thread; the counters are atomic.
public final class ProcessMemory: RemoteMemory, Sendable {
    /// The process.
    public let pid: Int32
    private let calls = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)

    /// The memory of `pid`. Nothing is read yet, so nothing can fail.
    public init(pid: Int32) { self.pid = pid }

    /// System calls made.
    public var callCount: Int { calls.load(ordering: .relaxed) }
    /// Bytes read out of the target.
    public var byteCount: Int { bytes.load(ordering: .relaxed) }

    /// Fills `buffer` in one system call, or throws.
    public func read(
        at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) {
        guard let start = buffer.baseAddress, buffer.count > 0 else { return }
        var range = ls_range(address: address, length: UInt64(buffer.count))
        var here = ls_range(address: UInt64(UInt(bitPattern: start)), length: UInt64(buffer.count))
        let got = ls_process_vm_readv(pid, &here, 1, &range, 1)
        count(got)
        guard got == Int64(buffer.count) else { throw RemoteReadError(got, address, buffer.count) }
    }

    /// Reads all ranges of `gather` into its buffer in one system call, without allocating.
    ///
    /// - Returns: the bytes read; fewer than `gather.byteCount` when a range was not wholly readable: what comes before
    ///   it is good.
    /// - Throws: when nothing could be read.
    public func read(_ gather: borrowing GatherRead) throws(RemoteReadError) -> Int {
        guard gather.count > 0 else { return 0 }
        let got = ls_process_vm_readv(
            pid, gather.places, UInt64(gather.placeCount), gather.ranges, UInt64(gather.count))
        count(got)
        guard got > 0 else { throw RemoteReadError(got, gather.ranges[0].address, Int(gather.ranges[0].length)) }
        return Int(got)
    }

    /// Reads ranges into a buffer in one system call.
    public func gather(
        _ ranges: [MemoryRange], into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) -> Int {
        guard let start = buffer.baseAddress, let first = ranges.first, ranges.count <= GatherRead.maximumRanges else {
            return 0
        }
        let all = ranges.map { ls_range(address: $0.address, length: $0.count) }
        var here = ls_range(address: UInt64(UInt(bitPattern: start)), length: UInt64(buffer.count))
        let got = all.withUnsafeBufferPointer {
            ls_process_vm_readv(pid, &here, 1, $0.baseAddress, UInt64($0.count))
        }
        count(got)
        if got > 0 { return Int(got) }
        let error = RemoteReadError(got, first.address, Int(truncatingIfNeeded: first.count))
        if case .unmapped = error { return 0 }
        throw error
    }

    private func count(_ got: Int64) {
        calls.wrappingAdd(1, ordering: .relaxed)
        if got > 0 { bytes.wrappingAdd(Int(got), ordering: .relaxed) }
    }
}

/// Ranges of the target's memory that one system call gathers into one buffer, prepared once and used again.
///
/// The kernel copies the ranges in the order of appending. Its memory is its own and is freed with it.
public struct GatherRead: ~Copyable {
    /// The kernel takes no more ranges in one call (UIO_MAXIOV).
    public static let maximumRanges = 1024

    /// Where the bytes land. Valid as long as this value.
    public let buffer: UnsafeMutableRawBufferPointer
    /// Ranges prepared.
    public private(set) var count = 0
    /// Bytes they ask for.
    public private(set) var byteCount = 0
    fileprivate let ranges: UnsafeMutablePointer<ls_range>
    /// Where the bytes go, in the order of the ranges: neighbours that follow each other are one place.
    fileprivate let places: UnsafeMutablePointer<ls_range>
    fileprivate private(set) var placeCount = 0
    private let capacity: Int

    /// Room for `ranges` ranges (at most `maximumRanges`) of `bytes` bytes in all.
    public init(ranges: Int, bytes: Int) {
        capacity = min(max(ranges, 1), Self.maximumRanges)
        self.ranges = Self.zeros(capacity).bindMemory(to: ls_range.self, capacity: capacity)
        places = Self.zeros(capacity).bindMemory(to: ls_range.self, capacity: capacity)
        let count = max(bytes, 1)
        buffer = UnsafeMutableRawBufferPointer(start: Self.zeros(count, of: 1), count: count)
    }

    deinit {
        free(ranges)
        free(places)
        free(buffer.baseAddress)
    }

    /// Memory of zeros, which takes none until it is used.
    private static func zeros(
        _ count: Int, of size: Int = MemoryLayout<ls_range>.stride
    ) -> UnsafeMutableRawPointer {
        guard let memory = calloc(count, size) else { fatalError("out of memory") }
        return memory
    }

    /// Forgets the ranges.
    public mutating func removeAll() {
        count = 0
        placeCount = 0
        byteCount = 0
    }

    /// Adds a range.
    ///
    /// - Returns: the offset in `buffer` at which it will land; `nil` when there is no room left for it.
    public mutating func append(_ address: RemoteAddress, count length: Int) -> Int? {
        append(address, count: length, pieces: 1)
    }

    /// Adds a range that is copied from its end to its start, in `pieces` of equal size. Its bytes land in their order.
    ///
    /// - Returns: the offset in `buffer` at which it will land; `nil` when there is no room left for it.
    public mutating func append(_ address: RemoteAddress, count length: Int, pieces: Int) -> Int? {
        guard length > 0, length <= buffer.count - byteCount, pieces > 0, pieces <= length,
            count + pieces <= capacity, let base = buffer.baseAddress
        else { return nil }
        let offset = byteCount
        let size = (length + pieces - 1) / pieces
        for piece in (0..<pieces).reversed() {
            let (start, end) = (min(piece * size, length), min((piece + 1) * size, length))
            guard start < end else { continue }
            ranges[count] = ls_range(address: address &+ UInt64(start), length: UInt64(end - start))
            count += 1
            let place = UInt64(UInt(bitPattern: base + offset + start))
            if placeCount > 0, places[placeCount - 1].address + places[placeCount - 1].length == place {
                places[placeCount - 1].length += UInt64(end - start)
            } else {
                places[placeCount] = ls_range(address: place, length: UInt64(end - start))
                placeCount += 1
            }
        }
        byteCount += length
        return offset
    }

    /// Points range `index` elsewhere; its length stays. Ignored when there is no such range.
    public mutating func move(_ index: Int, to address: RemoteAddress) {
        guard index >= 0, index < count else { return }
        ranges[index].address = address
    }
}

extension RemoteReadError {
    /// What process_vm_readv returned instead of the bytes: -errno, or too few.
    init(_ result: Int64, _ address: RemoteAddress, _ count: Int) {
        switch Int32(truncatingIfNeeded: -result) {
        case EFAULT, EIO: self = .unmapped(address: address, count: count)
        case ESRCH: self = .gone
        case EPERM, EACCES: self = .notPermitted
        case let error where error > 0: self = .system(errno: error)
        default: self = .unmapped(address: address, count: count)
        }
    }
}
