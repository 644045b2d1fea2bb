import Foundation
import ProcessFixtures
import Testing

@testable import RemoteProcess

/// The C compiler, where there is one.
private let compiler = ["/usr/bin/gcc", "/usr/bin/cc", "/usr/bin/clang"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

@Suite("Line tables")
struct LineTableTests {
    private static let source = """
        int first(int a) {
            int b = a + 1;
            return b * 2;
        }

        int second(int a)
        {
            return first(a)
                + first(a + 1);
        }

        """

    /// A folder with `sub/known.c` compiled into `known.so` from outside `sub`, so that its path is relative.
    private final class Built {
        let fake: FakeProc
        let file: ElfFile

        init(_ options: [String]) throws {
            let fake = try FakeProc(["sub/known.c": LineTableTests.source])
            let process = Process()
            process.executableURL = URL(filePath: compiler ?? "/usr/bin/cc")
            process.arguments = ["-O0", "-shared", "-fPIC", "-o", "known.so", "sub/known.c"] + options
            process.currentDirectoryURL = fake.folder
            try process.run()
            process.waitUntilExit()
            file = try ElfFile(OpenFile(fake.folder.appending(path: "known.so").path))
            self.fake = fake
        }
    }

    @Test(
        "every version gives the file's whole path and the right lines",
        .enabled(if: compiler != nil, "needs a C compiler"),
        arguments: [
            ["-gdwarf-2"], ["-gdwarf-3"], ["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gz=zlib"], ["-gdwarf64"],
        ])
    func versions(options: [String]) throws {
        let built = try Built(options + ["-g"])
        let lines = LineTable(DwarfSections(of: built.file))
        let second = try #require(built.file.symbol("second"))
        let declaration = try #require(lines.declaration(ofFunctionAt: second.address, size: second.size))
        #expect(declaration.line == 7 || declaration.line == 6)
        #expect(declaration.file == built.fake.folder.path + "/sub/known.c")
        let all = Set((0..<second.size).compactMap { lines.location(of: second.address + $0)?.line })
        #expect(all.isSuperset(of: [8, 9, 10]))
        #expect(lines.location(of: 1) == nil)
        #expect(lines.location(of: .max) == nil)
    }

    @Test("a stripped file has no lines", .enabled(if: compiler != nil, "needs a C compiler"))
    func stripped() throws {
        let built = try Built(["-g", "-s"])
        #expect(LineTable(DwarfSections(of: built.file)).isEmpty)
        #expect(built.file.symbol("second") != nil, "the dynamic table survives stripping")
    }

    @Test(
        "sections cut short anywhere, or with any byte changed, do not trap",
        .enabled(if: compiler != nil, "needs a C compiler"), arguments: ["-gdwarf-4", "-gdwarf-5"])
    func hostile(option: String) throws {
        let built = try Built(["-g", option])
        let sections = DwarfSections(of: built.file)
        let start = try #require(built.file.symbol("first")).address
        func check(_ part: WritableKeyPath<DwarfSections, [UInt8]>) {
            let bytes = sections[keyPath: part]
            for index in bytes.indices {
                var changed = sections
                changed[keyPath: part] = Array(bytes[..<index])
                _ = LineTable(changed).location(of: start + 4)
                for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF, bytes[index] &+ 1] {
                    changed[keyPath: part] = bytes
                    changed[keyPath: part][index] = value
                    let table = LineTable(changed)
                    _ = table.location(of: start + 4)
                    _ = table.declaration(ofFunctionAt: start, size: .max)
                }
            }
        }
        check(\.line)
        check(\.lineStrings)
        check(\.abbreviations)
        check(\.info)
    }

    @Test("numbers longer than 64 bits and reads past the end give what fits, and fail")
    func cursor() {
        var cursor = ByteCursor([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x7F])
        #expect(cursor.unsigned() == .max)
        #expect(cursor.signed() == -1)
        #expect(!cursor.failed)
        #expect(cursor.integer(1) == 0)
        #expect(cursor.failed && cursor.isAtEnd)
        var open = ByteCursor([0x80, 0x80])
        #expect(open.unsigned() == 0)
        #expect(open.failed)
        #expect(ByteCursor([], at: 1).failed)
    }
}
