/// The head of one unit of `.debug_line`. Source: DWARF 4, 6.2.4; DWARF 5, 6.2.4.
struct LineHeader {
    struct File {
        var name: String
        var directory: Int
    }

    var version: Int
    var minimumInstruction: UInt64
    var maximumOperations: UInt64
    var lineBase: Int64
    var lineRange: UInt64
    var opcodeBase: UInt8
    /// How many LEB128 arguments standard opcode `i + 1` has.
    var argumentCounts: [UInt8]
    /// Where the directory and file tables begin.
    var tables: Int
    /// Where the program begins.
    var program: Int
    /// One past the unit's last byte.
    var end: Int
    var isWide: Bool

    /// Most directories or files of one unit that are read.
    static let maximumEntries = 65_536

    /// Parses the unit's head at the cursor, which is left at the unit's end, or failed where even that is unknown.
    /// `nil` for a unit that is damaged or of another version than 2 to 5.
    init?(_ cursor: inout ByteCursor) {
        guard let (length, isWide) = cursor.unitLength() else {
            cursor.fail()
            return nil
        }
        var head = cursor
        cursor.skip(UInt64(length))
        end = cursor.position
        head.limit(end)
        self.isWide = isWide
        version = Int(head.integer(2))
        guard (2...5).contains(version) else { return nil }
        if version == 5 { head.skip(2) }  // address size, segment selector size
        let headerLength = head.integer(isWide ? 8 : 4)
        guard headerLength <= UInt64(head.remaining) else { return nil }
        program = head.position + Int(headerLength)
        head.limit(program)
        minimumInstruction = head.integer(1)
        maximumOperations = version >= 4 ? max(head.integer(1), 1) : 1
        head.skip(1)  // whether rows are statements by default: every row counts here
        lineBase = Int64(Int8(truncatingIfNeeded: head.integer(1)))
        lineRange = head.integer(1)
        opcodeBase = head.byte()
        argumentCounts = (1..<max(opcodeBase, 1)).map { _ in head.byte() }
        tables = head.position
        guard !head.failed, lineRange > 0, opcodeBase > 0 else { return nil }
    }

    /// The directory and file tables, as lists indexed as the program does.
    func names(in sections: DwarfSections) -> (directories: [String], files: [File])? {
        var cursor = ByteCursor(sections.line, at: tables)
        cursor.limit(program)
        let names = version < 5 ? oldNames(&cursor) : newNames(&cursor, sections)
        return cursor.failed ? nil : names
    }

    private func oldNames(_ cursor: inout ByteCursor) -> (directories: [String], files: [File]) {
        var directories = [""]  // 0 is the compilation directory, which is not written here
        while directories.count < Self.maximumEntries {
            let name = cursor.string()
            if name.isEmpty { break }
            directories.append(name)
        }
        var files = [File(name: "", directory: 0)]  // counted from 1
        while files.count < Self.maximumEntries {
            let name = cursor.string()
            if name.isEmpty { break }
            files.append(File(name: name, directory: Int(clamping: cursor.unsigned())))
            _ = (cursor.unsigned(), cursor.unsigned())  // time, length
        }
        return (directories, files)
    }

    private func newNames(
        _ cursor: inout ByteCursor, _ sections: DwarfSections
    ) -> (directories: [String], files: [File]) {
        let directories = entries(&cursor, sections).map(\.name)
        return (directories, entries(&cursor, sections))
    }

    /// One table of DWARF 5: the kinds and forms of its columns, then the rows.
    private func entries(_ cursor: inout ByteCursor, _ sections: DwarfSections) -> [File] {
        let format = (0..<cursor.byte()).map { _ in (kind: cursor.unsigned(), form: cursor.unsigned()) }
        let count = min(cursor.unsigned(), UInt64(Self.maximumEntries))
        var files: [File] = []
        for _ in 0..<count {
            let start = cursor.position
            var file = File(name: "", directory: 0)
            for (kind, form) in format {
                let value = cursor.value(form: form, isWide: isWide, version: version)
                switch (kind, value) {
                case (1, _): file.name = sections.text(value) ?? ""  // DW_LNCT_path
                case (2, .number(let index)): file.directory = Int(clamping: index)  // DW_LNCT_directory_index
                default: break
                }
            }
            if cursor.position == start { cursor.fail() }  // a row of no bytes: the count is a lie
            if cursor.failed { break }
            files.append(file)
        }
        return files
    }
}
