/// The client's half of the opening handshake as bytes: one request, one answer. A head of at most 16 kB.
///
/// Enough of HTTP/1.1 (RFC 9112 §2–5) to read an answer's head; no body, no redirects.
public struct ClientHandshake: Sendable {
    /// The largest head of an answer.
    public static let headLimit = 16 * 1024

    private let key: String
    private let offered: [String]
    private let offersDeflate: Bool
    private var head: [UInt8] = []

    /// The request's bytes.
    public let request: [UInt8]

    /// A handshake for one connection.
    ///
    /// - Parameters:
    ///   - target: path and query; control characters and spaces in it are percent-encoded.
    ///   - fields: further header fields; one with a line end in it is left out.
    ///   - offersDeflate: whether permessage-deflate is offered.
    public init(
        host: String, target: String, subprotocols: [String] = [], fields: [(name: String, value: String)] = [],
        offersDeflate: Bool = false, key: String
    ) {
        self.key = key
        offered = subprotocols
        self.offersDeflate = offersDeflate
        var lines = [
            "GET \(Self.encoded(target)) HTTP/1.1", "Host: \(host)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
        ]
        if !subprotocols.isEmpty { lines.append("Sec-WebSocket-Protocol: " + subprotocols.joined(separator: ", ")) }
        if offersDeflate { lines.append("Sec-WebSocket-Extensions: " + DeflateAgreement.offer) }
        lines += fields.map { "\($0.name): \($0.value)" }
        lines.removeAll { $0.utf8.contains { $0 < 0x20 && $0 != 0x09 } }
        request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func encoded(_ target: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return target.utf8.map { byte in
            0x21...0x7E ~= byte
                ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }.joined()
    }

    /// Takes bytes of the answer.
    ///
    /// - Returns: `nil` while the head is not whole; then what the server chose, and the first bytes after the head.
    public mutating func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(Handshake.Rejection) -> (chosen: Handshake.Chosen, rest: [UInt8])? {
        let from = max(0, head.count - 3)
        head.append(contentsOf: bytes)
        guard let end = Self.endOfHead(head, from: from) else {
            guard head.count <= Self.headLimit else { throw .notHTTP }
            return nil
        }
        guard end <= Self.headLimit else { throw .notHTTP }
        let (status, fields) = try Self.parse(head[..<end])
        let chosen = try Handshake.check(
            status: status, fields: fields, key: key, offered: offered, offersDeflate: offersDeflate)
        return (chosen, Array(head[end...]))
    }

    /// The place after the empty line.
    private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.count >= 4 else { return nil }
        for place in start...max(start, bytes.count - 4) where bytes[place...].starts(with: mark) { return place + 4 }
        return nil
    }

    private static func parse(
        _ head: ArraySlice<UInt8>
    ) throws(Handshake.Rejection) -> (status: Int, fields: [Handshake.Field]) {
        var lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: true)
        guard !lines.isEmpty else { throw .notHTTP }
        let start = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard start.count >= 2, start[0].hasPrefix("HTTP/1."), start[1].utf8.count == 3, let status = Int(start[1]),
            status > 0
        else { throw .notHTTP }
        var fields: [Handshake.Field] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { throw .notHTTP }
            fields.append((String(line[..<colon]), String(line[line.index(after: colon)...])))
        }
        return (status, fields)
    }
}
