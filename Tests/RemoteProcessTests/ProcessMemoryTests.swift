import Foundation
import ProcessFixtures
import TargetMemory
import Testing

@testable import RemoteProcess

@Suite("Process memory")
struct ProcessMemoryTests {
    private static let python = """
        import ctypes, sys
        data = ctypes.create_string_buffer(bytes(range(256)) * 256)
        print(ctypes.addressof(data), flush=True)
        sys.stdin.read()
        """

    @Test("another process is read without its help", .enabled(if: hasPython, "needs /usr/bin/python3"))
    func other() throws {
        let child = try Child("/usr/bin/python3", ["-c", Self.python])
        let address = try #require(UInt64(child.greeting))
        let memory = ProcessMemory(pid: child.pid)
        #expect(try memory.pointer(address) == 0x0706_0504_0302_0100)
        #expect(try memory.bytes(at: address + 256, count: 300, limit: 300).suffix(3) == [41, 42, 43])
        #expect(memory.callCount == 2)
        #expect(memory.byteCount == 308)

        var gather = GatherRead(ranges: 4, bytes: 64)
        #expect(gather.append(address + 1, count: 8) == 0)
        #expect(gather.append(address + 0x1003, count: 2) == 8)
        #expect(try memory.read(gather) == 10)
        #expect(Array(gather.buffer[..<10]) == [1, 2, 3, 4, 5, 6, 7, 8, 3, 4])
        gather.move(0, to: address + 16)
        #expect(gather.append(8, count: 8) == 10)
        #expect(try memory.read(gather) == 10, "what comes before an unreadable range is good")
        #expect(gather.buffer[0] == 16)

        var pieces = GatherRead(ranges: 8, bytes: 64)
        #expect(pieces.append(address, count: 1) == 0)
        #expect(pieces.append(address + 1, count: 8, pieces: 3) == 1)
        #expect((pieces.count, pieces.byteCount) == (4, 9))
        #expect(try memory.read(pieces) == 9)
        #expect(
            Array(pieces.buffer[..<9]) == Array(0...8), "the bytes lie in their order, whatever the order of copying")

        child.end()
        #expect(throws: RemoteReadError.gone) { try memory.pointer(address) }
        #expect(throws: RemoteReadError.gone) { try memory.read(gather) }
    }

    @Test("no address traps", arguments: [0, 1, 0x7FFF_FFFF_FFFF, 1 << 63, UInt64.max])
    func wild(address: UInt64) {
        #expect(throws: RemoteReadError.unmapped(address: address, count: 8)) {
            try ProcessMemory(pid: getpid()).pointer(address)
        }
    }

    @Test("a gather takes no more than it has room for")
    func room() {
        var gather = GatherRead(ranges: 2, bytes: 16)
        #expect(gather.append(1, count: 0) == nil)
        #expect(gather.append(1, count: .max) == nil)
        #expect(gather.append(1, count: 10) == 0)
        #expect(gather.append(1, count: 7) == nil)
        #expect(gather.append(1, count: 6) == 10)
        #expect(gather.append(1, count: 1) == nil)
        gather.removeAll()
        #expect((gather.count, gather.byteCount) == (0, 0))
    }
}

/// Whether the system's Python is there.
let hasPython = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")
