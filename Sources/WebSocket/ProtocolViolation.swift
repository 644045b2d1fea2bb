/// What a peer did against RFC 6455, and the close code it is answered with.
public enum ProtocolViolation: Error, Hashable, Sendable, CaseIterable {
    /// A reserved bit was set without the extension that gives it a meaning (§5.2).
    case reservedBits
    /// An opcode that has no meaning (§5.2).
    case unknownOpcode
    /// A client's frame was not masked, or a server's was (§5.1).
    case wrongMasking
    /// A length that was not written in the fewest bytes, or has its highest bit set (§5.2).
    case badLength
    /// A control frame longer than 125 bytes, or in fragments (§5.5).
    case badControlFrame
    /// A continuation of nothing (§5.4).
    case continuationWithoutStart
    /// A new message inside a fragmented one (§5.4).
    case messageInsideMessage
    /// A close frame of one byte, or with a code that may not travel (§7.4).
    case badCloseFrame
    /// Text, or the reason of a close, that is not UTF-8 (§8.1).
    case notUTF8
    /// A message larger than the limit (§7.4.1, 1009).
    case tooBig
    /// Compressed data that cannot be inflated (RFC 7692 §7.2.2).
    case badCompression

    /// The code to close with.
    public var closeCode: CloseCode {
        switch self {
        case .notUTF8, .badCompression: .invalidPayload
        case .tooBig: .messageTooBig
        default: .protocolError
        }
    }
}
