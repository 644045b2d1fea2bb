/// Reads little-endian values from foreign bytes, never past `end`.
///
/// A read that would pass the end gives 0, moves to the end and sets `failed`: a parser looks once a loop, not once a
/// byte, and always ends.
struct ByteCursor {
    let bytes: [UInt8]
    /// Where the next read begins.
    private(set) var position: Int
    /// One past the last byte that may be read.
    private(set) var end: Int
    /// Whether any read has passed the end.
    private(set) var failed = false

    /// A cursor at `position`; outside the bytes it has failed already.
    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        end = bytes.count
        self.position = position
        if position < 0 || position > end { fail() }
    }

    var isAtEnd: Bool { position == end }

    /// Bytes left.
    var remaining: Int { end - position }

    /// Gives up: nothing more will be read.
    mutating func fail() {
        failed = true
        position = end
    }

    mutating func skip(_ count: UInt64) {
        guard count <= UInt64(end - position) else { return fail() }
        position += Int(count)
    }

    mutating func seek(_ offset: Int) {
        guard offset >= 0, offset <= end else { return fail() }
        position = offset
    }

    /// Nothing from `offset` on may be read; ignored when that would be more than before.
    mutating func limit(_ offset: Int) {
        guard offset < end else { return }
        end = max(offset, position)
    }

    mutating func byte() -> UInt8 {
        guard position < end else {
            fail()
            return 0
        }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func integer(_ width: Int) -> UInt64 {
        guard width <= end - position else {
            fail()
            return 0
        }
        var value: UInt64 = 0
        for index in 0..<min(width, 8) { value |= UInt64(bytes[position + index]) << (8 * UInt64(index)) }
        position += width
        return value
    }

    /// ULEB128; bits beyond the 64th are dropped.
    mutating func unsigned() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = byte()
            if shift < 64 { value |= UInt64(next & 0x7F) << shift }
            shift += 7
            if next & 0x80 == 0 { return value }
        }
    }

    /// SLEB128; bits beyond the 64th are dropped.
    mutating func signed() -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = byte()
            if shift < 64 { value |= UInt64(next & 0x7F) << shift }
            shift += 7
            if next & 0x80 == 0 {
                if next & 0x40 != 0, shift < 64 { value |= ~0 << shift }
                return Int64(bitPattern: value)
            }
        }
    }

    /// Text up to a zero byte, at most 4096 bytes of it.
    mutating func string() -> String {
        guard let zero = bytes[position..<end].firstIndex(of: 0) else {
            fail()
            return ""
        }
        defer { position = zero + 1 }
        return String(decoding: bytes[position..<min(zero, position + 4096)], as: UTF8.self)
    }

    /// The first field of a DWARF unit: its length, and whether its offsets are 8 bytes. `nil` when it does not fit.
    mutating func unitLength() -> (length: Int, isWide: Bool)? {
        var length = integer(4)
        let isWide = length == 0xFFFF_FFFF
        if isWide { length = integer(8) }
        guard !failed, length <= UInt64(remaining) else { return nil }
        return (Int(length), isWide)
    }
}

/// A DWARF string section: text by offset.
func string(at offset: UInt64, in section: [UInt8]) -> String? {
    guard let position = Int(exactly: offset), position < section.count else { return nil }
    var cursor = ByteCursor(section, at: position)
    let text = cursor.string()
    return cursor.failed ? nil : text
}
