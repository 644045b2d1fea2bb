import Testing

@testable import TargetMemory

@Suite("Memory image")
struct MemoryImageTests {
    private static let sample: MemoryImage = {
        var image = MemoryImage(names: ["_PyRuntime": 0x7F00_0000_1000, "version": 0x030D_00F0])
        image.store(1...200, at: 0x7F00_0000_1FF0)
        image.store([9], at: 0x10)
        image.store([], at: 0x5000)
        return image
    }()

    @Test("what is stored is read back, across pages, with zeros between")
    func store() throws {
        #expect(try Self.sample.bytes(at: 0x7F00_0000_1FEE, count: 20, limit: 20) == [0, 0] + Array(1...18))
        #expect(Self.sample.pages.count == 3)
        #expect(throws: RemoteReadError.unmapped(address: 0x5000, count: 1)) {
            try Self.sample.load(0x5000, as: UInt8.self)
        }
    }

    @Test("the file form comes back as it was")
    func roundTrip() throws {
        #expect(try MemoryImage(decoding: Self.sample.encoded()) == Self.sample)
        #expect(try MemoryImage(decoding: MemoryImage().encoded()) == MemoryImage())
    }

    @Test("an image cut short anywhere, or longer, is refused")
    func truncation() {
        let bytes = Self.sample.encoded()
        for length in bytes.indices {
            #expect(throws: MemoryImageError.self) { try MemoryImage(decoding: Array(bytes[..<length])) }
        }
        #expect(throws: MemoryImageError.wrongLength) { try MemoryImage(decoding: bytes + [0]) }
    }

    @Test("no changed byte makes it trap")
    func mutation() {
        let bytes = Self.sample.encoded()
        for index in bytes.indices {
            for value: UInt8 in [0, 0x7F, 0xFF] {
                var changed = bytes
                changed[index] = value
                _ = try? MemoryImage(decoding: changed)
            }
        }
    }

    @Test("storing at the end of the address space stops there")
    func end() throws {
        var image = MemoryImage()
        image.store([1, 2, 3, 4], at: .max - 1)
        #expect(try image.load(.max - 2, as: UInt16.self) == 0x0100)
    }

    @Test("a recorder keeps the pages a walk touched, and they answer the same walk")
    func recorder() throws {
        let recorder = MemoryRecorder(of: Self.sample, names: ["start": 0x10])
        let value = try recorder.pointer(0x7F00_0000_1FFC)
        #expect(throws: RemoteReadError.self) { try recorder.pointer(0x9000) }
        #expect(recorder.image.pages.count == 2)
        #expect(recorder.image.names == ["start": 0x10])
        #expect(try recorder.image.pointer(0x7F00_0000_1FFC) == value)
    }
}
