import CZlib

/// What was agreed on about permessage-deflate (RFC 7692 §7.1).
///
/// No context is kept between messages in either direction: a connection then owns no window (some 300 kB with one), and
/// all connections of a loop share one compressor.
public struct DeflateAgreement: Hashable, Sendable {
    /// log2 of the largest window the server may use: 9 to 15.
    public var serverWindowBits: Int

    /// The extension's value in the server's answer.
    public var answer: String {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + (serverWindowBits < 15 ? "; server_max_window_bits=\(serverWindowBits)" : "")
    }

    /// The first offer of a client that can be met; `nil` when there is none.
    public init?(offers fields: [Handshake.Field]) {
        for offer in Handshake.values("sec-websocket-extensions", in: fields).flatMap({ $0.split(separator: ",") }) {
            if let bits = Self.windowBits(offer: offer) {
                serverWindowBits = bits
                return
            }
        }
        return nil
    }

    /// The window an offer allows the server, or `nil` for an offer that is wrong or cannot be met.
    private static func windowBits(offer: Substring) -> Int? {
        var parts = offer.split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        guard !parts.isEmpty, parts.removeFirst() == "permessage-deflate" else { return nil }
        var bits = 15
        var seen: Set<Substring> = []
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = pair.first, seen.insert(name).inserted else { return nil }
            let value = pair.count > 1 ? Int(pair[1]) : nil
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover": guard pair.count == 1 else { return nil }
            case "client_max_window_bits": guard pair.count == 1 || 8...15 ~= value ?? 0 else { return nil }
            case "server_max_window_bits":
                // zlib cannot make a window of 2^8.
                guard let value, 9...15 ~= value else { return nil }
                bits = value
            default: return nil
            }
        }
        return bits
    }
}

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
