import Testing

@testable import TargetMemory

/// Counts the reads that reach the image.
private final class Counted: RemoteMemory {
    let image: MemoryImage
    var reads: [Int] = []
    var failure: RemoteReadError?
    init(_ image: MemoryImage) { self.image = image }
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        reads.append(buffer.count)
        if let failure { throw failure }
        try image.read(at: address, into: buffer)
    }
}

@Suite("Page snapshot")
struct PageSnapshotTests {
    private static func image(_ pages: some Sequence<UInt64>) -> MemoryImage {
        var image = MemoryImage()
        for page in pages {
            image.store((0..<4096).map { UInt8(truncatingIfNeeded: UInt64($0) &* 7 &+ page) }, at: page << 12)
        }
        return image
    }

    @Test("a granule is read once, however often it is asked for")
    func once() throws {
        let source = Counted(Self.image(0..<8))
        let snapshot = PageSnapshot(of: source)
        for address in stride(from: UInt64(0), to: 0x8000 - 8, by: 13) {
            #expect(try snapshot.pointer(address) == source.image.pointer(address))
        }
        #expect(source.reads == [16384, 16384])
        #expect(snapshot.granulesRead == 2)
        #expect(snapshot.bytesHeld == 32768)
    }

    @Test("a granule that is partly mapped is read by page, and its holes stay holes")
    func holes() throws {
        let source = Counted(Self.image([0, 2]))
        let snapshot = PageSnapshot(of: source)
        #expect(try snapshot.pointer(0x2008) == source.image.pointer(0x2008))
        #expect(
            try snapshot.bytes(at: 0xFF0, count: 16, limit: 16) == source.image.bytes(at: 0xFF0, count: 16, limit: 16))
        #expect(throws: RemoteReadError.unmapped(address: 0x1000, count: 8)) { try snapshot.pointer(0x1000) }
        #expect(throws: RemoteReadError.unmapped(address: 0xFFC, count: 8)) { try snapshot.pointer(0xFFC) }
        #expect(throws: RemoteReadError.unmapped(address: 0x2FFC, count: 8)) { try snapshot.pointer(0x2FFC) }
        #expect(source.reads == [16384, 4096, 4096, 4096, 4096])
    }

    @Test("reads go across granules")
    func across() throws {
        let image = Self.image(0..<16)
        let snapshot = PageSnapshot(of: image)
        #expect(
            try snapshot.bytes(at: 0x3FFD, count: 40_000, limit: 50_000)
                == image.bytes(at: 0x3FFD, count: 40_000, limit: 50_000))
        #expect(try snapshot.bytes(at: 0x10, count: 0, limit: 50_000).isEmpty)
    }

    @Test("full, it forgets and goes on, and never holds more than its limit")
    func bounded() throws {
        let image = Self.image(0..<256)
        let snapshot = PageSnapshot(of: image, limit: 4 * 16384)
        for round in 0..<3 {
            for address in stride(from: UInt64(round), to: 256 * 4096 - 8, by: 4096) {
                #expect(try snapshot.pointer(address) == image.pointer(address))
                #expect(snapshot.bytesHeld <= 4 * 16384)
            }
        }
    }

    @Test("a range of more granules than there is room for is read all the same")
    func tooLong() throws {
        let image = Self.image(0..<16)
        let snapshot = PageSnapshot(of: image, limit: 1)
        #expect(
            try snapshot.bytes(at: 3, count: 65_000, limit: 65_000) == image.bytes(at: 3, count: 65_000, limit: 65_000))
        #expect(snapshot.bytesHeld == 16384)
    }

    @Test("the end of the address space is refused, not wrapped around", arguments: [UInt64.max, UInt64.max - 6])
    func end(address: UInt64) {
        let snapshot = PageSnapshot(of: Self.image(0..<4))
        #expect(throws: RemoteReadError.outOfBounds(address: address, count: 8)) { try snapshot.pointer(address) }
        #expect(throws: RemoteReadError.unmapped(address: .max - 8, count: 8)) { try snapshot.pointer(.max - 8) }
    }

    @Test("a process that is gone is not remembered as a hole")
    func gone() throws {
        let source = Counted(Self.image(0..<4))
        let snapshot = PageSnapshot(of: source)
        source.failure = .gone
        #expect(throws: RemoteReadError.gone) { try snapshot.pointer(0) }
        source.failure = nil
        #expect(try snapshot.pointer(0) == source.image.pointer(0))
    }

    @Test("after a reset the target is read anew")
    func reset() throws {
        let source = Counted(Self.image(0..<4))
        let snapshot = PageSnapshot(of: source)
        _ = try snapshot.pointer(0)
        snapshot.reset()
        _ = try snapshot.pointer(0)
        #expect(source.reads.count == 2)
    }
}
