/// The directory each unit was compiled in, by the offset of its line program: what DWARF 4's relative paths, and
/// DWARF 5's relative directories, are relative to. Only the first entry of each unit is read.
struct CompilationDirectories {
    private var directories: [UInt64: String] = [:]

    /// Most units that are read.
    static let maximumUnits = 1_000_000
    /// Most abbreviations that are looked at over all units: normally one each.
    static let maximumAbbreviations = 4_000_000

    init(_ sections: DwarfSections) {
        var cursor = ByteCursor(sections.info)
        var budget = Self.maximumAbbreviations
        for _ in 0..<Self.maximumUnits {
            guard let (length, isWide) = cursor.unitLength() else { return }
            var unit = cursor
            cursor.skip(UInt64(length))
            unit.limit(cursor.position)
            if let (offset, directory) = Self.read(&unit, isWide, sections, &budget) { directories[offset] = directory }
        }
    }

    /// The directory of the unit whose line program begins at `offset`.
    func directory(ofUnitAt offset: Int) -> String? { directories[UInt64(offset)] }

    private static func read(
        _ unit: inout ByteCursor, _ isWide: Bool, _ sections: DwarfSections, _ budget: inout Int
    ) -> (UInt64, String)? {
        let version = Int(unit.integer(2))
        guard (2...5).contains(version) else { return nil }
        let abbreviations: UInt64
        if version == 5 {
            let type = unit.byte()
            unit.skip(1)
            abbreviations = unit.integer(isWide ? 8 : 4)
            if type == 4 || type == 5 { unit.skip(8) }  // skeleton and split units carry an identity
        } else {
            abbreviations = unit.integer(isWide ? 8 : 4)
            unit.skip(1)
        }
        let code = unit.unsigned()
        guard !unit.failed, code != 0, let start = Int(exactly: abbreviations),
            var attributes = attributes(code, in: sections.abbreviations, at: start, &budget)
        else { return nil }

        var line: UInt64?
        var directory: DwarfValue?
        var offsetsBase: UInt64 = isWide ? 16 : 8
        while !attributes.failed, !unit.failed {
            let (name, form) = (attributes.unsigned(), attributes.unsigned())
            if name == 0, form == 0 { break }
            let implicit = form == 0x21 ? attributes.signed() : 0
            let real = form == 0x16 ? unit.unsigned() : form  // DW_FORM_indirect
            let value = unit.value(form: real, isWide: isWide, version: version, implicit: implicit)
            switch (name, value) {
            case (0x10, .number(let offset)): line = offset  // DW_AT_stmt_list
            case (0x1B, _): directory = value  // DW_AT_comp_dir
            case (0x72, .number(let base)): offsetsBase = base  // DW_AT_str_offsets_base
            default: break
            }
        }
        guard let line, let directory,
            let text = sections.text(directory, offsetsBase: offsetsBase, isWide: isWide)
        else { return nil }
        return (line, text)
    }

    /// A cursor at the attributes of abbreviation `code` in the table at `start`.
    private static func attributes(
        _ code: UInt64, in table: [UInt8], at start: Int, _ budget: inout Int
    ) -> ByteCursor? {
        var cursor = ByteCursor(table, at: start)
        while !cursor.failed, budget > 0 {
            budget -= 1
            let here = cursor.unsigned()
            if here == 0 { return nil }
            _ = cursor.unsigned()  // tag
            cursor.skip(1)  // has children
            if here == code { return cursor }
            while !cursor.failed {
                let (name, form) = (cursor.unsigned(), cursor.unsigned())
                if form == 0x21 { _ = cursor.signed() }
                if name == 0, form == 0 { break }
            }
        }
        return nil
    }
}
