import TargetMemory
import Testing

@testable import CPythonLayouts

@Suite("Versions and debug offsets")
struct VersionTests {
    @Test(
        "a version is written as Python writes it",
        arguments: [
            (0x30D_05F0, "3.13.5"), (0x30E_00C2, "3.14.0rc2"), (0x30B_07F0, "3.11.7"), (0x30F_00A1, "3.15.0a1"),
        ])
    func description(hex: Int, text: String) {
        #expect(PythonVersion(hex: UInt32(hex)).description == text)
    }

    @Test(
        "a file's name tells the minor",
        arguments: [
            ("/usr/lib/libpython3.9.so.1.0", 9), ("/usr/bin/python3.10", 10), ("/opt/python3.8/bin/python3.12", 12),
            ("/usr/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so", 11),
        ])
    func names(path: String, minor: Int) {
        #expect(PythonVersion(name: path)?.minor == minor)
        #expect(PythonVersion(name: path)?.major == 3)
        #expect(PythonVersion(name: path)?.description == "3.\(minor)", "the third number is not known")
    }

    @Test(
        "other names tell nothing",
        arguments: ["", "/usr/bin/python3", "/usr/bin/perl5.36", "python", "python.", "python3.x"])
    func noVersion(path: String) { #expect(PythonVersion(name: path) == nil) }

    @Test("versions outside 3.9 to 3.15 are refused by name", arguments: [(2, 7), (3, 8), (3, 16), (4, 0)])
    func unsupported(major: Int, minor: Int) {
        let version = PythonVersion(major: UInt8(major), minor: UInt8(minor))
        #expect(throws: LayoutError.unsupported(version)) { try PythonLayout.table(for: version) }
        #expect("\(LayoutError.unsupported(version))".contains("3.9 to 3.15"))
    }

    @Test(
        "inline caches are stepped over, also when they look like the instruction that is looked for",
        arguments: [(11, 116, 5), (12, 116, 4), (13, 91, 4), (14, 92, 4), (14, 192, 4), (15, 91, 4)])
    func caches(minor: Int, loadGlobal: Int, count: Int) throws {
        let layout = try PythonLayout.table(for: PythonVersion(major: 3, minor: UInt8(minor)))
        let match = [layout.opcodes.matchException, 0]
        let units = [UInt8(loadGlobal), 0] + (0..<count).flatMap { _ in match } + match
        #expect(ObjectReader(MemoryImage(), layout: layout).instructions(in: units) == [0, 1 + count])
    }

    private func offsets(_ words: [Int: UInt64]) throws -> DebugOffsets? {
        var image = MemoryImage()
        var all = [UInt64](repeating: 8, count: 111)
        all[0] = 0x7970_6775_6265_6478  // "xdebugpy"
        all[1] = 0x30D_05F0
        all[2] = 0
        for (index, word) in words { all[index] = word }
        image.store(
            all.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }, at: 0x1000)
        return try DebugOffsets(runtime: 0x1000, image)
    }

    @Test("a runtime without the cookie has no debug offsets")
    func noCookie() throws { #expect(try offsets([0: 0]) == nil) }

    @Test("a free-threaded build is refused as such")
    func freeThreaded() throws {
        let offsets = try #require(try offsets([2: 1]))
        #expect(throws: LayoutError.freeThreaded(offsets.version)) { try offsets.layout() }
    }

    @Test("an offset that no structure can have is a mismatch", arguments: [5, 9, 23, 31, 43])
    func absurd(word: Int) throws {
        let offsets = try #require(try offsets([word: .max]))
        #expect(throws: LayoutError.mismatch(offsets.version, check: "debug offset \(word)")) { try offsets.layout() }
    }

    @Test("memory of nothing but zeros fails the self-check", arguments: Array(PythonLayout.supportedMinors))
    func zeros(minor: Int) throws {
        let version = PythonVersion(major: 3, minor: UInt8(minor))
        var image = MemoryImage()
        image.store([UInt8](repeating: 0, count: 8192), at: 0x1000)
        let reader = ObjectReader(image, layout: try PythonLayout.table(for: version))
        #expect(throws: LayoutError.mismatch(version, check: "no interpreter yet")) {
            try reader.selfCheck(runtime: 0x1000, version: version)
        }
    }
}

@Suite("Line tables")
struct LineTableTests {
    @Test("3.9: a line holds until the next address")
    func numbers() {
        let table = LineTable.numbers([4, 1, 2, 255, 0, 3], firstLine: 10, units: 6)
        #expect((0..<7).map { table.line(at: $0) } == [10, 10, 11, 13, 13, 13, nil])
    }

    @Test("3.10: ranges, some without a line")
    func ranges() {
        let table = LineTable.ranges([4, 0, 2, 128, 4, 2], firstLine: 10)
        #expect((0..<6).map { table.line(at: $0) } == [10, 10, nil, 12, 12, nil])
    }

    @Test("3.11: every form of a location entry")
    func locations() {
        // Two units on the first line; one on the next (columns 3 and 7); three without columns, five lines back;
        // one without a line; one in the long form, two lines on.
        let table = LineTable.locations(
            [0x81, 0x12, 0xD8, 0x03, 0x07, 0xEA, 0x0B, 0xF8, 0xF0, 0x04, 0x00, 0x01, 0x02], firstLine: 10)
        #expect((0..<9).map { table.line(at: $0) } == [10, 10, 11, 6, 6, 6, nil, 8, nil])
    }

    @Test("a table cut anywhere, or of any bytes, is read to its end")
    func garbage() {
        var random = SplitMix(state: 7)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = LineTable.locations(bytes, firstLine: .max).line(at: 3)
            _ = LineTable.ranges(bytes, firstLine: .min).line(at: 3)
            _ = LineTable.numbers(bytes, firstLine: .max, units: length).line(at: 3)
        }
    }
}
