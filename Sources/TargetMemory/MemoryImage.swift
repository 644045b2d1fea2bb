/// Pages of a process, recorded: walkers read it as they read the process, without one.
///
/// The file form is described in `docs/formats/memory-image.md`.
public struct MemoryImage: RemoteMemory, Hashable, Sendable {
    /// The size of a page of an image, whatever the size of the target's.
    public static let pageSize = 4096
    /// Most pages an image may have: 256 MB.
    public static let maximumPages = 65_536

    /// Addresses a walk starts from (`_PyRuntime`) and facts it needs (`version`), by name.
    public var names: [String: UInt64]
    /// The pages by address; each is `pageSize` long.
    public internal(set) var pages: [RemoteAddress: [UInt8]]

    /// An image of nothing.
    public init(names: [String: UInt64] = [:]) {
        self.names = names
        pages = [:]
    }

    /// Puts `bytes` at `address`, making the pages (zeros elsewhere) that are missing: how tests forge memory.
    /// What lies beyond the end of the address space or `maximumPages` is dropped.
    public mutating func store(_ bytes: some Sequence<UInt8>, at address: RemoteAddress) {
        var here = address
        for byte in bytes {
            let base = here & ~UInt64(Self.pageSize - 1)
            guard pages[base] != nil || pages.count < Self.maximumPages else { return }
            pages[base, default: [UInt8](repeating: 0, count: Self.pageSize)][Int(here - base)] = byte
            let (next, overflow) = here.addingReportingOverflow(1)
            if overflow { return }
            here = next
        }
    }

    /// Fills `buffer` from the pages.
    public func read(
        at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) {
        guard !address.addingReportingOverflow(UInt64(buffer.count)).overflow else {
            throw .outOfBounds(address: address, count: buffer.count)
        }
        var done = 0
        while done < buffer.count {
            let here = address + UInt64(done)
            let offset = Int(here & UInt64(Self.pageSize - 1))
            let count = min(Self.pageSize - offset, buffer.count - done)
            guard let page = pages[here - UInt64(offset)] else {
                throw .unmapped(address: address, count: buffer.count)
            }
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
                .copyBytes(from: page[offset..<(offset + count)])
            done += count
        }
    }
}

/// A memory that remembers every page it was asked for: run a walk over it, and keep `image`.
///
/// Not `Sendable`: one walker, one thread.
public final class MemoryRecorder<Source: RemoteMemory>: RemoteMemory {
    /// The pages read so far.
    public private(set) var image: MemoryImage
    private let source: Source

    /// A recorder of what is read from `source`.
    public init(of source: Source, names: [String: UInt64] = [:]) {
        self.source = source
        image = MemoryImage(names: names)
    }

    /// Reads from the source, whole pages at a time, and remembers them.
    public func read(
        at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) {
        guard !address.addingReportingOverflow(UInt64(buffer.count)).overflow else {
            throw .outOfBounds(address: address, count: buffer.count)
        }
        guard buffer.count > 0 else { return }
        let size = UInt64(MemoryImage.pageSize)
        var base = address & ~(size - 1)
        while base < address + UInt64(buffer.count) {
            if image.pages[base] == nil {
                image.store(try source.bytes(at: base, count: Int(size), limit: Int(size)), at: base)
            }
            let (next, overflow) = base.addingReportingOverflow(size)
            if overflow { break }
            base = next
        }
        try image.read(at: address, into: buffer)
    }
}
