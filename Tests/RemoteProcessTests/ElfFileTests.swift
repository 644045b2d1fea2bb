import Foundation
import ProcessFixtures
import Glibc
import Testing

@testable import RemoteProcess

@Suite("ELF files")
struct ElfFileTests {
    private static func library(_ name: String) throws -> MemoryMapping {
        try #require(try MemoryMaps(of: getpid()).files.first { $0.path.contains(name) })
    }

    @Test("a symbol plus the load bias is where the loader put it")
    func symbol() throws {
        let mapping = try Self.library("/libc.so")
        let file = try ElfFile(of: mapping, in: getpid())
        let symbol = try #require(file.symbol("getpid"))
        let bias = try #require(file.loadBias(of: mapping))
        let address = UInt64(UInt(bitPattern: dlsym(nil, "getpid")))
        #expect(symbol.address + bias == address)
        #expect(file.functions().function(at: symbol.address + 1)?.address == symbol.address)
        #expect(file.symbol("no such function") == nil)
        #expect(!file.hasFixedAddress)
    }

    @Test("sections have names, addresses and bytes")
    func sections() throws {
        let file = try ElfFile(of: Self.library("/libc.so"), in: getpid())
        let text = try #require(file.section(".text"))
        #expect(text.address > 0 && text.size > 0)
        #expect(file.bytes(of: text)?.count == Int(text.size))
        #expect(file.buildID?.count == 40)
        #expect(file.section(".no such") == nil)
        #expect(file.bytes(of: ".bss") == nil)
    }

    @Test("what is not ELF is refused", arguments: ["", "#!/bin/sh\n", "\u{7F}ELF"])
    func other(text: String) throws {
        let fake = try FakeProc(["file": text])
        let path = fake.folder.appending(path: "file").path
        #expect(throws: ElfError.notElf(path: path)) { _ = try ElfFile(OpenFile(path)) }
    }

    @Test("a program cut short at any length, or with any byte of its head changed, does not trap")
    func hostile() throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "/bin/true")))
        let fake = try FakeProc()
        let url = fake.folder.appending(path: "cut")
        func check(_ bytes: some Collection<UInt8>) throws {
            try Data(bytes).write(to: url)
            guard let file = try? ElfFile(OpenFile(url.path)) else { return }
            _ = file.functions().function(at: 0x2000)
            _ = file.symbol("main")
            _ = file.buildID
            for section in file.sections { _ = file.bytes(of: section) }
        }
        for length in stride(from: 0, to: bytes.count, by: 331) { try check(bytes[..<length]) }
        for index in 16..<64 {
            for value: UInt8 in [0, 0x7F, 0xFF] {
                var changed = bytes
                changed[index] = value
                try check(changed)
            }
        }
    }

    @Test("of two symbols at one address the sized one names it; the gap after a sized one has no name")
    func table() {
        var table = SymbolTable()
        table.add(address: 0x20, size: 0, name: "label")
        table.add(address: 0x20, size: 8, name: "function")
        table.add(address: 0x10, size: 0, name: "assembly")
        table.sort()
        #expect(table.function(at: 0x0F) == nil)
        #expect(table.function(at: 0x1F)?.name == "assembly")
        #expect(table.function(at: 0x27)?.name == "function")
        #expect(table.function(at: 0x28) == nil)
        #expect(table.function(at: .max) == nil)
    }
}
