/// What a frame carries (RFC 6455 §5.2).
public enum Opcode: UInt8, Hashable, Sendable, CaseIterable {
    /// More of a message begun before.
    case continuation = 0x0
    /// UTF-8 text.
    case text = 0x1
    /// Bytes.
    case binary = 0x2
    /// The closing handshake.
    case close = 0x8
    /// Are you there?
    case ping = 0x9
    /// I am.
    case pong = 0xA

    /// Whether it is a control frame: at most 125 bytes, never in fragments.
    public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// The bytes before a frame's payload (RFC 6455 §5.2).
public struct FrameHeader: Hashable, Sendable {
    /// The longest header: two bytes, eight of length, four of masking key.
    public static let maximumSize = 14

    /// Whether this is the last frame of its message.
    public var isFinal: Bool
    /// RSV1, which permessage-deflate uses (RFC 7692 §6). RSV2 and RSV3 have no meaning and are refused.
    public var isCompressed: Bool
    /// What the frame carries.
    public var opcode: Opcode
    /// The masking key, its first byte in the lowest bits; `nil` when the payload is not masked.
    public var maskingKey: UInt32?
    /// Bytes of payload that follow.
    public var length: Int

    /// A header.
    public init(
        isFinal: Bool = true, isCompressed: Bool = false, opcode: Opcode, maskingKey: UInt32? = nil, length: Int
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.maskingKey = maskingKey
        self.length = length
    }

    /// How long the header is that begins with these two bytes.
    static func size(first: UInt8, second: UInt8) -> Int {
        let lengthBytes =
            switch second & 0x7F {
            case 126: 2
            case 127: 8
            default: 0
            }
        return 2 + lengthBytes + (second & 0x80 == 0 ? 0 : 4)
    }

    /// Reads a header.
    ///
    /// - Parameter bytes: any number of bytes; those after the header are not looked at.
    /// - Returns: the header and its size, or `nil` when more bytes are needed.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) -> (header: FrameHeader, size: Int)? {
        guard bytes.count >= 2 else { return nil }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x30 == 0 else { throw .reservedBits }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .unknownOpcode }
        let isFinal = first & 0x80 != 0
        if opcode.isControl, !isFinal || second & 0x7F > 125 { throw .badControlFrame }
        let size = Self.size(first: first, second: second)
        guard bytes.count >= size else { return nil }
        var length = UInt64(second & 0x7F)
        var place = 2
        if length >= 126 {
            let least: UInt64 = length == 126 ? 126 : 1 << 16
            let end = length == 126 ? 4 : 10
            length = 0
            while place < end {
                length = length << 8 | UInt64(bytes[place])
                place += 1
            }
            guard length >= least, length <= UInt64(Int.max) else { throw .badLength }
        }
        var key: UInt32?
        if second & 0x80 != 0 {
            key = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
        }
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: first & 0x40 != 0, opcode: opcode, maskingKey: key, length: Int(length))
        return (header, size)
    }

    /// Bytes that `write` needs.
    public var size: Int { 2 + (length < 126 ? 0 : length < 1 << 16 ? 2 : 8) + (maskingKey == nil ? 0 : 4) }

    /// Writes the header.
    ///
    /// - Parameter target: at least `size` bytes.
    /// - Returns: the bytes written.
    @discardableResult
    public func write(to target: UnsafeMutableRawBufferPointer) -> Int {
        precondition(target.count >= size, "no room for a frame header")
        target[0] = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue
        let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
        var place = 2
        if length < 126 {
            target[1] = maskBit | UInt8(length)
        } else if length < 1 << 16 {
            target[1] = maskBit | 126
            target.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
            place = 4
        } else {
            target[1] = maskBit | 127
            target.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            place = 10
        }
        if let maskingKey {
            target.storeBytes(of: maskingKey.littleEndian, toByteOffset: place, as: UInt32.self)
            place += 4
        }
        return place
    }
}
