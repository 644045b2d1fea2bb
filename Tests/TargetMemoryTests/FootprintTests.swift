import Testing

@testable import TargetMemory

/// Memory that changes under the reader.
private final class Changing: RemoteMemory {
    var image = MemoryImage()
    var reads = 0
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        reads += 1
        try image.read(at: address, into: buffer)
    }
}

@Suite("Footprints: what a walk has read, and whether it is as it was")
struct FootprintTests {
    private let memory = Changing()
    private let snapshot: PageSnapshot<Changing>

    init() {
        for page in 0..<16 {
            memory.image.store((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ page) }, at: UInt64(page << 12))
        }
        snapshot = PageSnapshot(of: memory, tracksChanges: true)
    }

    /// A walk over a few words, the last of which goes across two granules.
    private func walk() throws -> Footprint? {
        snapshot.beginFootprint()
        for address in [0x10, 0x3F8, 0x2400, 0x9010, 0x10, 0x2408, 0x7FFC] {
            _ = try snapshot.pointer(RemoteAddress(address))
        }
        return snapshot.takeFootprint()
    }

    /// Begins another round, with or without looking at everything first.
    private func nextRound(refreshed: Bool) throws {
        snapshot.reset()
        if refreshed { try snapshot.refresh() }
    }

    @Test("memory that stays is unchanged, round after round", arguments: [false, true])
    func same(refreshed: Bool) throws {
        let footprint = try #require(try walk())
        for _ in 0..<4 {
            try nextRound(refreshed: refreshed)
            #expect(try snapshot.isUnchanged(footprint))
        }
    }

    @Test(
        "any byte of a block that was read is noticed, for good",
        arguments: [0, 0x3FF, 0x2400, 0x27FF, 0x9000, 0x7FFF, 0x8003], [false, true])
    func changed(address: Int, refreshed: Bool) throws {
        let footprint = try #require(try walk())
        try nextRound(refreshed: refreshed)
        #expect(try snapshot.isUnchanged(footprint))
        let byte = try memory.image.bytes(at: RemoteAddress(address), count: 1, limit: 1)[0]
        memory.image.store([byte ^ 0x80], at: RemoteAddress(address))
        // Until the next round the snapshot shows what it read.
        #expect(try snapshot.isUnchanged(footprint))
        try nextRound(refreshed: refreshed)
        #expect(try !snapshot.isUnchanged(footprint))
        let again = try #require(try walk())
        try nextRound(refreshed: refreshed)
        #expect(try !snapshot.isUnchanged(footprint))
        #expect(try snapshot.isUnchanged(again))
    }

    @Test(
        "what was not read may change", arguments: [0x400, 0x23FF, 0x2800, 0x8FFF, 0x9400, 0x8400, 0xC000],
        [false, true])
    func other(address: Int, refreshed: Bool) throws {
        let footprint = try #require(try walk())
        for value in 0..<3 {
            memory.image.store([UInt8(value)], at: RemoteAddress(address))
            try nextRound(refreshed: refreshed)
            #expect(try snapshot.isUnchanged(footprint))
        }
    }

    @Test("a page that comes or goes is a change", arguments: [false, true])
    func pages(refreshed: Bool) throws {
        snapshot.beginFootprint()
        #expect(throws: RemoteReadError.self) { try snapshot.pointer(0x10010) }
        let hole = try #require(snapshot.takeFootprint())
        let footprint = try #require(try walk())
        try nextRound(refreshed: refreshed)
        #expect(try snapshot.isUnchanged(hole))
        #expect(try snapshot.isUnchanged(footprint))
        memory.image.store([UInt8](repeating: 1, count: 4096), at: 0x10000)
        memory.image.pages[0x2000] = nil
        try nextRound(refreshed: refreshed)
        #expect(try !snapshot.isUnchanged(hole))
        #expect(try !snapshot.isUnchanged(footprint))
    }

    @Test("what was read at two times is no footprint")
    func forgotten() throws {
        let small = PageSnapshot(of: memory, limit: 1, tracksChanges: true)
        small.beginFootprint()
        _ = try small.pointer(0)
        let one = small.takeFootprint()
        #expect(one != nil)
        small.beginFootprint()
        _ = try small.pointer(0)
        _ = try small.pointer(0x4000)
        #expect(small.takeFootprint() == nil)
        #expect(PageSnapshot(of: memory).takeFootprint() == nil)
    }

    @Test("to look again takes few reads of what was of use, not of all")
    func reads() throws {
        let footprint = try #require(try walk())
        try nextRound(refreshed: false)
        #expect(try snapshot.isUnchanged(footprint))
        memory.reads = 0
        try nextRound(refreshed: true)
        #expect(try snapshot.isUnchanged(footprint))
        // Five runs of blocks; the image reads them one by one.
        #expect(memory.reads == 5)
    }
}
