import Testing

@testable import TargetMemory

/// Memory that counts the calls it would take.
private final class Counted: RemoteMemory {
    var image = MemoryImage()
    var calls = 0
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        calls += 1
        try image.read(at: address, into: buffer)
    }
    func gather(
        _ ranges: [MemoryRange], into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) -> Int {
        calls += 1
        return try image.gather(ranges, into: buffer)
    }
}

@Suite("Reading ahead what the walk before has read")
struct ReadAheadTests {
    private let memory = Counted()
    private let ahead: ReadAhead

    init() {
        memory.image.store((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31) }, at: 0x1000)
        memory.image.store((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 7) }, at: 0x8000)
        ahead = ReadAhead(memory)
    }

    /// A walk over words, which are as in the memory itself.
    private func walk(_ addresses: [RemoteAddress]) throws -> Int {
        ahead.beginWalk()
        let before = memory.calls
        for address in addresses { #expect(try ahead.pointer(address) == memory.image.pointer(address)) }
        return memory.calls - before
    }

    @Test("a walk that is the same again takes one call, and sees what has changed since")
    func again() throws {
        let places: [RemoteAddress] = [0x1010, 0x8100, 0x1ff8]
        #expect(try walk(places) == 3)
        #expect(try walk(places) == 1)
        memory.image.store([1, 2, 3], at: 0x8100)
        #expect(try walk(places) == 1)
    }

    @Test("what the walk before did not read is read by itself, and ahead from then on")
    func other() throws {
        #expect(try walk([0x1010]) == 1)
        #expect(try walk([0x1010, 0x8100]) == 2)
        #expect(try walk([0x1010, 0x8100]) == 1)
        // The gathered word is not asked for: the next walk leaves it out.
        #expect(try walk([0x8100]) == 1)
        #expect(try walk([0x8100, 0x1010]) == 2)
    }

    @Test("a longer range than the one held is read, a shorter one is not")
    func lengths() throws {
        #expect(try walk([0x1010]) == 1)
        ahead.beginWalk()
        #expect(
            try ahead.bytes(at: 0x1010, count: 100, limit: 100)
                == memory.image.bytes(at: 0x1010, count: 100, limit: 100))
        #expect(memory.calls == 3)
        ahead.beginWalk()
        #expect(try ahead.load(0x1010, as: UInt8.self) == memory.image.load(0x1010, as: UInt8.self))
        #expect(memory.calls == 4)
    }

    @Test("a place that has gone is an error where it is asked for, and no other is lost with it")
    func gone() throws {
        #expect(try walk([0x1010]) == 1)
        ahead.beginWalk()
        #expect(throws: RemoteReadError.unmapped(address: 0x5000, count: 8)) { try ahead.pointer(0x5000) }
        #expect(try ahead.pointer(0x8100) == memory.image.pointer(0x8100))
        ahead.beginWalk()
        #expect(throws: RemoteReadError.unmapped(address: 0x5000, count: 8)) { try ahead.pointer(0x5000) }
        #expect(try ahead.pointer(0x8100) == memory.image.pointer(0x8100))
    }

    @Test("no more is gathered than there is room for")
    func limits() throws {
        let places = (0..<1500).map { RemoteAddress(0x1000 + 2 * $0) }
        #expect(try walk(places) == 1500)
        #expect(try walk(places) == 1 + 1500 - 1024)
    }
}
