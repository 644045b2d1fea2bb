import CZlib

/// Decompresses whole messages with zlib. One for each loop.
///
/// `@unchecked Sendable`: it is used on one loop's thread only. The pointer is zlib's state, ended in `deinit`.
public final class ZlibInflater: MessageInflater, @unchecked Sendable {
    private let state: UnsafeMutableRawPointer

    /// A decompressor; `nil` when there is no memory.
    public init?() {
        guard let state = ls_inflater_new() else { return nil }
        self.state = state
    }

    deinit { ls_inflater_free(state) }

    /// Inflates one message, never further than one byte over the limit: a bomb costs what the limit allows.
    public func inflate(_ payload: [UInt8], limit: Int) throws(ProtocolViolation) -> [UInt8] {
        ls_inflate_begin(state)
        var message: [UInt8] = []
        let input = payload + [0x00, 0x00, 0xFF, 0xFF]  // RFC 7692 §7.2.2
        var consumed: UInt64 = 0
        var room = min(limit + 1, max(1024, payload.count * 4))
        while true {
            let start = message.count
            var produced: UInt64 = 0
            let before = consumed
            message.append(contentsOf: repeatElement(0, count: room))
            let result = message.withUnsafeMutableBufferPointer { target in
                input.withUnsafeBufferPointer { source in
                    ls_inflate(
                        state, source.baseAddress.map { $0 + Int(before) }, UInt64(input.count) - before, &consumed,
                        target.baseAddress.map { $0 + start }, UInt64(room), &produced)
                }
            }
            message.removeLast(room - Int(produced))
            guard result == 0 else { throw .badCompression }
            guard message.count <= limit else { throw .tooBig }
            if Int(produced) < room, consumed == input.count { return message }
            guard produced > 0 || consumed > before else { throw .badCompression }
            room = min(limit + 1 - message.count, max(1024, message.count))
        }
    }
}

/// Compresses whole messages with zlib. One for each loop and window.
///
/// `@unchecked Sendable`: it is used on one loop's thread only. The pointer is zlib's state, ended in `deinit`.
public final class ZlibDeflater: @unchecked Sendable {
    /// Shorter messages are sent as they are: the frame says so.
    public static let least = 128

    private let state: UnsafeMutableRawPointer

    /// A compressor; `nil` for a window that zlib does not have.
    public init?(windowBits: Int) {
        guard 9...15 ~= windowBits, let state = ls_deflater_new(Int32(windowBits)) else { return nil }
        self.state = state
    }

    deinit { ls_deflater_free(state) }

    /// The message compressed, or `nil` when it cannot be.
    public func deflate(_ message: UnsafeRawBufferPointer) -> [UInt8]? {
        let room = ls_deflate_bound(state, UInt64(message.count))
        guard room <= UInt64(UInt32.max) else { return nil }
        var written: Int64 = 0
        let payload = [UInt8](unsafeUninitializedCapacity: Int(room)) { target, count in
            written = ls_deflate(
                state, message.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(message.count),
                target.baseAddress, room)
            count = max(0, Int(written))
        }
        return written >= 0 ? payload : nil
    }
}

/// The compressors and the decompressor that all connections of one loop share: no context is kept between messages.
///
/// Each is made when it is first wanted. `@unchecked Sendable`: it is used on one loop's thread only.
public final class DeflateCodecs: @unchecked Sendable {
    /// The decompressor; `nil` when there is no memory.
    public private(set) lazy var inflater = ZlibInflater()
    private var deflaters: [Int: ZlibDeflater] = [:]

    /// None yet.
    public init() {}

    /// The compressor that an agreement allows this side.
    public func deflater(_ agreement: DeflateAgreement) -> ZlibDeflater? {
        guard let bits = agreement.windowBits else { return nil }
        if deflaters[bits] == nil { deflaters[bits] = ZlibDeflater(windowBits: bits) }
        return deflaters[bits]
    }
}
