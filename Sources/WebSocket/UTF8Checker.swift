/// Checks UTF-8 that comes in pieces, and refuses it at the first byte that cannot be right (RFC 3629 §4).
public struct UTF8Checker: Hashable, Sendable {
    /// Continuation bytes still missing from the character begun.
    private var missing: UInt8 = 0
    /// The bounds of the next continuation byte: narrower after E0, ED, F0 and F4 (no overlong forms, no surrogates).
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    /// A checker at the start of a text.
    public init() {}

    /// Whether the text may end here.
    public var isComplete: Bool { missing == 0 }

    /// Checks more bytes.
    ///
    /// - Returns: `false` when they cannot be part of UTF-8; the checker is of no use then.
    public mutating func check(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var place = 0
        while place < bytes.count {
            if missing == 0 {
                place = Self.skipASCII(bytes, from: place)
                guard place < bytes.count else { return true }
                guard start(bytes[place]) else { return false }
            } else {
                guard low...high ~= bytes[place] else { return false }
                missing -= 1
                low = 0x80
                high = 0xBF
            }
            place += 1
        }
        return true
    }

    private static func skipASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var place = start
        while bytes.count - place >= 8 {
            guard bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else {
                break
            }
            place += 8
        }
        while place < bytes.count, bytes[place] < 0x80 { place += 1 }
        return place
    }

    private mutating func start(_ lead: UInt8) -> Bool {
        switch lead {
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF:
            missing = 2
            low = lead == 0xE0 ? 0xA0 : 0x80
            high = lead == 0xED ? 0x9F : 0xBF
        case 0xF0...0xF4:
            missing = 3
            low = lead == 0xF0 ? 0x90 : 0x80
            high = lead == 0xF4 ? 0x8F : 0xBF
        default: return false
        }
        return true
    }
}
