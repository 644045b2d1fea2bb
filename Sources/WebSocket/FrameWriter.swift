/// Writes frames of one side (RFC 6455 §5.2): masked from a client, unmasked from a server.
public struct FrameWriter: Sendable {
    private var keys: MaskingKeys?

    /// A writer of a server's frames.
    public static let server = FrameWriter(keys: nil)

    /// A writer of a client's frames, with masking keys from the system's generator.
    public static func client() -> FrameWriter {
        var system = SystemRandomNumberGenerator()
        return FrameWriter(keys: MaskingKeys(seed: system.next()))
    }

    /// A writer of a client's frames whose masking keys are always the same: for tests.
    public static func client(seed: UInt64) -> FrameWriter { FrameWriter(keys: MaskingKeys(seed: seed)) }

    /// The size of a frame with a payload of `length` bytes.
    public func size(_ length: Int) -> Int {
        FrameHeader(opcode: .binary, maskingKey: keys == nil ? nil : 0, length: length).size + length
    }

    /// Writes a frame.
    ///
    /// - Parameter target: at least `size(payload.count)` bytes.
    /// - Returns: the bytes written.
    public mutating func write(
        _ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isFinal: Bool = true, isCompressed: Bool = false,
        to target: UnsafeMutableRawBufferPointer
    ) -> Int {
        let key = keys?.next()
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, maskingKey: key, length: payload.count)
        let start = header.write(to: target)
        Masking.copy(payload, to: UnsafeMutableRawBufferPointer(rebasing: target[start...]), key: key ?? 0)
        return start + payload.count
    }

    /// A frame as bytes: for tests, and where speed does not matter.
    public mutating func frame(
        _ opcode: Opcode, _ payload: some Collection<UInt8>, isFinal: Bool = true, isCompressed: Bool = false
    ) -> [UInt8] {
        let payload = Array(payload)
        return [UInt8](unsafeUninitializedCapacity: size(payload.count)) { target, count in
            count = payload.withUnsafeBytes {
                write(
                    opcode, $0, isFinal: isFinal, isCompressed: isCompressed, to: UnsafeMutableRawBufferPointer(target))
            }
        }
    }

    /// The payload of a close frame (RFC 6455 §5.5.1): the reason is cut to 123 bytes between characters; a code that
    /// may not travel gives an empty payload.
    public static func closePayload(_ code: CloseCode, reason: String = "") -> [UInt8] {
        guard code.mayTravel else { return [] }
        var payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        for character in reason.unicodeScalars {
            let bytes = UTF8.encode(character).map(Array.init) ?? []
            guard payload.count + bytes.count <= 125 else { break }
            payload += bytes
        }
        return payload
    }
}

/// Masking keys that a peer cannot foresee from its own side of the connection (RFC 6455 §10.3): a system-seeded
/// generator (splitmix64, Steele et al. 2014) per connection, since a system call per frame costs more than the frame.
struct MaskingKeys: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt32 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return UInt32(truncatingIfNeeded: (word ^ word >> 31) >> 32)
    }
}
