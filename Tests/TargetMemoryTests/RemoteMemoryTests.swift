import Testing

@testable import TargetMemory

private struct Bytes: RemoteMemory {
    let base: RemoteAddress
    let bytes: [UInt8]
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        guard address >= base, address - base <= UInt64(bytes.count),
            UInt64(bytes.count) - (address - base) >= UInt64(buffer.count)
        else { throw .unmapped(address: address, count: buffer.count) }
        buffer.copyBytes(from: bytes[Int(address - base)...].prefix(buffer.count))
    }
}

@Suite("Remote memory")
struct RemoteMemoryTests {
    private let memory = Bytes(base: 0x1000, bytes: Array(0..<32))

    @Test("integers are little-endian")
    func integers() throws {
        #expect(try memory.load(0x1000, as: UInt32.self) == 0x0302_0100)
        #expect(try memory.pointer(0x1008) == 0x0F0E_0D0C_0B0A_0908)
    }

    @Test("a length over the limit is refused before anything is read", arguments: [-1, 17, Int.max])
    func limits(count: Int) {
        #expect(throws: RemoteReadError.outOfBounds(address: 0x1000, count: count)) {
            try memory.bytes(at: 0x1000, count: count, limit: 16)
        }
    }

    @Test("a range that ends outside is unmapped")
    func outside() {
        #expect(throws: RemoteReadError.unmapped(address: 0x1019, count: 8)) { try memory.pointer(0x1019) }
    }
}
