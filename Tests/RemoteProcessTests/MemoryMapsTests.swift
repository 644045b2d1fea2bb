import Foundation
import ProcessFixtures
import Testing

@testable import RemoteProcess

@Suite("Memory maps")
struct MemoryMapsTests {
    static let text = """
        00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon
        00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
        35b1800000-35b1820000 r-xp 00001000 08:02 135522  /usr/lib64/ld 2.15.so
        35b1820000-35b1830000 r--p 00000000 08:02 135522  /usr/lib64/ld 2.15.so
        35b1a21000-35b1a22000 rw-s 00000000 00:00 0
        7f2c48000000-7f2c48021000 r--p 00000000 08:02 9   /tmp/gone\\012x (deleted)
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]

        """

    @Test("every column is read, and what is not a mapping is passed over")
    func parse() throws {
        let maps = MemoryMaps(parsing: (Self.text + "nonsense\n5-4 r-xp 0 0 0\n").utf8)
        #expect(maps.mappings.count == 7)
        let heap = maps.mappings[1]
        #expect((heap.start, heap.end) == (0xE03000, 0xE24000))
        #expect(heap.isReadable && heap.isWritable && !heap.isExecutable)
        #expect(heap.path == "[heap]" && heap.inode == 0)
        #expect(maps.mappings[2].path == "/usr/lib64/ld 2.15.so")
        #expect(maps.mappings[2].offset == 0x1000)
        #expect(maps.mappings[4].path == "")
        #expect(maps.mappings[5].path == "/tmp/gone\nx")
        #expect(maps.mappings[5].isDeleted)
        #expect(!maps.mappings[6].isReadable)
    }

    @Test("an address finds its mapping, a gap finds none")
    func lookup() {
        let maps = MemoryMaps(parsing: Self.text.utf8)
        #expect(maps.mapping(at: 0x400000)?.path == "/usr/bin/dbus-daemon")
        #expect(maps.mapping(at: 0x451FFF)?.path == "/usr/bin/dbus-daemon")
        #expect(maps.mapping(at: 0x452000) == nil)
        #expect(maps.mapping(at: 0) == nil)
        #expect(maps.mapping(at: .max) == nil)
    }

    @Test("each file is listed once, by its mapping of offset 0")
    func files() {
        let files = MemoryMaps(parsing: Self.text.utf8).files
        #expect(files.map(\.start) == [0x400000, 0x35B_1820000, 0x7F2C_48000000])
    }

    @Test("text cut short anywhere does not trap")
    func truncation() {
        let text = Array(Self.text.utf8)
        for length in text.indices { _ = MemoryMaps(parsing: text[..<length]) }
    }

    @Test("a mapped file is opened through the target's root, a deleted one through its mapping")
    func open() throws {
        let fake = try FakeProc([
            "7/root/usr/bin/dbus-daemon": "inside", "7/map_files/7f2c48000000-7f2c48021000": "deleted",
        ])
        let maps = MemoryMaps(parsing: Self.text.utf8)
        let inside = try fake.proc.open(maps.mappings[0], of: 7)
        #expect(try inside.readAll(limit: 100) == Array("inside".utf8))
        let deleted = try fake.proc.open(maps.mappings[5], of: 7)
        #expect(try deleted.read(at: 2, count: 3) == Array("let".utf8))
        #expect(throws: ProcError.self) { _ = try fake.proc.open(maps.mappings[2], of: 7) }
    }

    @Test("a pipe in the place of a mapped file is neither waited for nor read")
    func pipe() throws {
        let fake = try FakeProc(["7/root/usr/bin/x": ""])
        mkfifo(fake.folder.appending(path: "7/root/usr/bin/dbus-daemon").path, 0o600)
        let mapping = try #require(MemoryMaps(parsing: Self.text.utf8).mappings.first)
        #expect(throws: ProcError.self) { _ = try fake.proc.open(mapping, of: 7) }
    }

    @Test("our own maps hold our own code")
    func live() throws {
        let maps = try MemoryMaps(of: getpid())
        let mapping = try #require(maps.mappings.first { $0.isExecutable && $0.path.contains("Swift") })
        #expect(mapping.isReadable)
        let file = try ProcFS().open(mapping, of: getpid())
        #expect(try file.read(at: 0, count: 4) == [0x7F, 0x45, 0x4C, 0x46])
    }
}
