/// The exclusive-or that clients put over their payloads (RFC 6455 §5.3).
///
/// It works eight bytes at a time. Unsafe on purpose: this is the one loop that touches every byte of every message.
enum Masking {
    /// Copies `source` to `target` through the mask.
    ///
    /// - Parameters:
    ///   - key: the masking key, its first byte in the lowest bits.
    ///   - offset: how many bytes of the frame's payload came before `source`.
    static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, key: UInt32, offset: Int = 0
    ) {
        precondition(target.count >= source.count, "no room for the payload")
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        let shift = UInt32(truncatingIfNeeded: offset & 3) * 8
        let turned = shift == 0 ? key : key >> shift | key << (32 - shift)
        let wide = UInt64(turned) << 32 | UInt64(turned)
        let words = source.count & ~7
        var place = 0
        while place < words {
            let word = from.loadUnaligned(fromByteOffset: place, as: UInt64.self) ^ wide.littleEndian
            to.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
            place += 8
        }
        while place < source.count {
            let mask = UInt8(truncatingIfNeeded: turned >> (UInt32(truncatingIfNeeded: place & 3) * 8))
            to.storeBytes(
                of: from.load(fromByteOffset: place, as: UInt8.self) ^ mask, toByteOffset: place, as: UInt8.self)
            place += 1
        }
    }
}
