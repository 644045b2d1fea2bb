/// Something that came from the peer.
public enum WebSocketEvent: Hashable, Sendable {
    /// A whole text message.
    case text(String)
    /// A whole binary message.
    case binary([UInt8])
    /// A ping: it is to be answered with a pong of the same payload (RFC 6455 §5.5.2).
    case ping([UInt8])
    /// A pong.
    case pong([UInt8])
    /// The peer's close frame; `noStatus` when it carried no code. Nothing comes after it.
    case close(CloseCode, reason: String)
    /// The peer broke the protocol: close with `violation.closeCode`. Nothing comes after it.
    case failure(ProtocolViolation)
}

/// Turns the bytes of a connection into events (RFC 6455 §5): frames, fragments, masking, UTF-8, limits.
///
/// A value with no input or output of its own; the same for both sides. Feed it bytes in pieces of any size: it takes
/// all of them each time and keeps at most a header and the message begun. A frame that arrives whole is unmasked
/// straight into its event; one that arrives in pieces is unmasked into the message as it comes.
public struct MessageReader: Sendable {
    /// Whose bytes are read.
    public enum Peer: Hashable, Sendable {
        /// A client: its frames are masked.
        case client
        /// A server: its frames are not.
        case server
    }

    private let peer: Peer
    private let limit: Int
    /// The decompression stage of permessage-deflate, when it was negotiated.
    private var inflater: (any MessageInflater)?
    private var headerBytes: [UInt8] = []
    private var frame: FrameHeader?
    private var frameSeen = 0
    private var control: [UInt8] = []
    private var message: [UInt8] = []
    private var messageKind: Opcode?
    private var messageIsCompressed = false
    private var text = UTF8Checker()
    /// Whether a close frame or a violation has been seen: everything after it is dropped.
    public private(set) var isFinished = false

    /// A reader at the start of a connection.
    ///
    /// - Parameters:
    ///   - peer: whose bytes they are.
    ///   - limit: the largest message in bytes, after decompression.
    ///   - inflater: the decompression stage, when permessage-deflate was negotiated.
    public init(peer: Peer, limit: Int = 1 << 20, inflater: (any MessageInflater)? = nil) {
        self.peer = peer
        self.limit = limit
        self.inflater = inflater
    }

    /// Takes the next bytes and hands out what they complete, in order.
    public mutating func read(_ bytes: UnsafeRawBufferPointer, _ deliver: (WebSocketEvent) -> Void) {
        var rest = bytes
        do throws(ProtocolViolation) {
            while !isFinished, !rest.isEmpty {
                if frame == nil {
                    guard try readHeader(&rest) else { return }
                }
                try readPayload(&rest, deliver)
            }
        } catch {
            isFinished = true
            message = []
            deliver(.failure(error))
        }
    }

    /// Reads a header, over several calls if need be; `false` when more bytes are needed.
    private mutating func readHeader(_ rest: inout UnsafeRawBufferPointer) throws(ProtocolViolation) -> Bool {
        if headerBytes.isEmpty, let (header, size) = try FrameHeader.parse(rest) {
            rest = UnsafeRawBufferPointer(rebasing: rest[size...])
            try begin(header)
            return true
        }
        while let byte = rest.first {
            headerBytes.append(byte)
            rest = UnsafeRawBufferPointer(rebasing: rest[1...])
            let parsed = headerBytes.withUnsafeBytes { bytes in
                Result { () throws(ProtocolViolation) in try FrameHeader.parse(bytes) }
            }
            if let (header, _) = try parsed.get() {
                headerBytes = []
                try begin(header)
                return true
            }
        }
        return false
    }

    /// Checks a header against what came before it.
    private mutating func begin(_ header: FrameHeader) throws(ProtocolViolation) {
        guard (header.maskingKey != nil) == (peer == .client) else { throw .wrongMasking }
        if header.isCompressed, inflater == nil || header.opcode.isControl || header.opcode == .continuation {
            throw .reservedBits
        }
        switch header.opcode {
        case .continuation: guard messageKind != nil else { throw .continuationWithoutStart }
        case .text, .binary:
            guard messageKind == nil else { throw .messageInsideMessage }
            messageKind = header.opcode
            messageIsCompressed = header.isCompressed
            text = UTF8Checker()
        case .close, .ping, .pong: break
        }
        if !header.opcode.isControl, header.length > limit - message.count { throw .tooBig }
        frame = header
        frameSeen = 0
    }

    private mutating func readPayload(
        _ rest: inout UnsafeRawBufferPointer, _ deliver: (WebSocketEvent) -> Void
    ) throws(ProtocolViolation) {
        guard let header = frame else { return }
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, header.length - frameSeen)])
        rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        if header.opcode.isControl {
            Self.append(piece, to: &control, of: header, at: frameSeen)
            frameSeen += piece.count
            guard frameSeen == header.length else { return }
            frame = nil
            try finishControl(header.opcode, deliver)
        } else if piece.count == header.length, header.isFinal, message.isEmpty, !messageIsCompressed {
            frame = nil
            try finishWhole(piece, of: header, deliver)
        } else {
            try append(piece, of: header)
            frameSeen += piece.count
            guard frameSeen == header.length else { return }
            frame = nil
            if header.isFinal { try finishMessage(deliver) }
        }
    }

    private static func append(
        _ piece: UnsafeRawBufferPointer, to bytes: inout [UInt8], of header: FrameHeader, at offset: Int
    ) {
        guard let key = header.maskingKey else { return bytes.append(contentsOf: piece) }
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: piece.count))
        bytes.withUnsafeMutableBytes { all in
            Masking.copy(piece, to: UnsafeMutableRawBufferPointer(rebasing: all[start...]), key: key, offset: offset)
        }
    }

    private mutating func append(_ piece: UnsafeRawBufferPointer, of header: FrameHeader) throws(ProtocolViolation) {
        let start = message.count
        if start == 0, header.isFinal { message.reserveCapacity(min(header.length, 1 << 16)) }
        Self.append(piece, to: &message, of: header, at: frameSeen)
        guard messageKind == .text, !messageIsCompressed else { return }
        let isText = message.withUnsafeBytes { text.check(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard isText else { throw .notUTF8 }
    }

    /// A message in one frame that arrived whole: its payload is copied once, through the mask.
    private mutating func finishWhole(
        _ payload: UnsafeRawBufferPointer, of header: FrameHeader, _ deliver: (WebSocketEvent) -> Void
    ) throws(ProtocolViolation) {
        let key = header.maskingKey ?? 0
        if messageKind == .binary {
            messageKind = nil
            return deliver(
                .binary(
                    [UInt8](unsafeUninitializedCapacity: payload.count) { target, count in
                        Masking.copy(payload, to: UnsafeMutableRawBufferPointer(target), key: key)
                        count = payload.count
                    }))
        }
        messageKind = nil
        var isText = true
        let string = String(unsafeUninitializedCapacity: payload.count) { target in
            Masking.copy(payload, to: UnsafeMutableRawBufferPointer(target), key: key)
            var checker = UTF8Checker()
            let copied = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: target[..<payload.count]))
            isText = checker.check(copied) && checker.isComplete
            return isText ? payload.count : 0
        }
        guard isText else { throw .notUTF8 }
        deliver(.text(string))
    }

    /// A message that came in pieces, in fragments, or compressed.
    private mutating func finishMessage(_ deliver: (WebSocketEvent) -> Void) throws(ProtocolViolation) {
        var payload = message
        message = []
        let kind = messageKind
        messageKind = nil
        if messageIsCompressed {
            payload = try inflater?.inflate(payload, limit: limit) ?? payload
            guard kind != .text || payload.withUnsafeBytes({ text.check($0) }) else { throw .notUTF8 }
        }
        if kind == .text {
            guard text.isComplete else { throw .notUTF8 }
            deliver(.text(String(decoding: payload, as: UTF8.self)))
        } else {
            deliver(.binary(payload))
        }
    }

    private mutating func finishControl(
        _ opcode: Opcode, _ deliver: (WebSocketEvent) -> Void
    ) throws(ProtocolViolation) {
        let payload = control
        control = []
        switch opcode {
        case .ping: deliver(.ping(payload))
        case .pong: deliver(.pong(payload))
        default:
            let close = try Self.close(payload)
            isFinished = true
            deliver(close)
        }
    }

    /// The payload of a close frame (RFC 6455 §5.5.1).
    private static func close(_ payload: [UInt8]) throws(ProtocolViolation) -> WebSocketEvent {
        guard payload.count >= 2 else {
            guard payload.isEmpty else { throw .badCloseFrame }
            return .close(.noStatus, reason: "")
        }
        let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.mayTravel else { throw .badCloseFrame }
        var checker = UTF8Checker()
        let isText = payload.withUnsafeBytes { checker.check(UnsafeRawBufferPointer(rebasing: $0[2...])) }
        guard isText, checker.isComplete else { throw .notUTF8 }
        return .close(code, reason: String(decoding: payload[2...], as: UTF8.self))
    }
}

/// The decompression stage of permessage-deflate (RFC 7692 §7.2.2). A class: it holds a window between messages.
public protocol MessageInflater: AnyObject, Sendable {
    /// Inflates one message.
    ///
    /// - Throws: `tooBig` as soon as more than `limit` bytes come out, `badCompression` when nothing can.
    func inflate(_ payload: [UInt8], limit: Int) throws(ProtocolViolation) -> [UInt8]
}
