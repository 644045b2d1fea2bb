/// How the value of a DWARF attribute is written. Source: DWARF 5, 7.5.6, and the GNU extensions gcc writes.
enum DwarfValue {
    /// A number: a constant, an address, an offset into a section.
    case number(UInt64)
    /// Text in place.
    case text(String)
    /// Text at an offset of `.debug_str`.
    case strings(UInt64)
    /// Text at an offset of `.debug_line_str`.
    case lineStrings(UInt64)
    /// Text by its index in `.debug_str_offsets`.
    case index(UInt64)
    /// Bytes that are passed over.
    case block
}

extension ByteCursor {
    /// Reads, or passes over, a value of this form; fails on an unknown one, whose length cannot be known.
    mutating func value(form: UInt64, isWide: Bool, version: Int, implicit: Int64 = 0) -> DwarfValue {
        let offset = isWide ? 8 : 4
        switch form {
        case 0x0B, 0x0C, 0x11, 0x29: return .number(integer(1))
        case 0x05, 0x12, 0x2A: return .number(integer(2))
        case 0x2B: return .number(integer(3))
        case 0x06, 0x13, 0x1C, 0x2C: return .number(integer(4))
        case 0x01, 0x07, 0x14, 0x20, 0x24: return .number(integer(8))
        case 0x0F, 0x15, 0x1B, 0x22, 0x23, 0x1F01: return .number(unsigned())
        case 0x0D: return .number(UInt64(bitPattern: signed()))
        case 0x10: return .number(integer(version < 3 ? 8 : offset))
        case 0x17, 0x1F20, 0x1F21, 0x1D: return .number(integer(offset))
        case 0x19: return .number(1)
        case 0x21: return .number(UInt64(bitPattern: implicit))
        case 0x08: return .text(string())
        case 0x0E: return .strings(integer(offset))
        case 0x1F: return .lineStrings(integer(offset))
        case 0x1A, 0x1F02: return .index(unsigned())
        case 0x25: return .index(integer(1))
        case 0x26: return .index(integer(2))
        case 0x27: return .index(integer(3))
        case 0x28: return .index(integer(4))
        case 0x1E: skip(16)
        case 0x0A: skip(integer(1))
        case 0x03: skip(integer(2))
        case 0x04: skip(integer(4))
        case 0x09, 0x18: skip(unsigned())
        default: fail()
        }
        return .block
    }
}
