/// The client's half of the opening handshake as bytes: one request, one answer. A head of at most 16 kB.
///
/// Enough of HTTP/1.1 to read an answer's head (`AnswerHead`); no body, no redirects.
public struct ClientHandshake: Sendable {
    private let key: String
    private let offered: [String]
    private let offersDeflate: Bool
    private var answer = AnswerReader()

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
        guard let (head, rest) = try answer.read(bytes) else { return nil }
        let chosen = try Handshake.check(
            status: head.status, fields: head.fields, key: key, offered: offered, offersDeflate: offersDeflate)
        return (chosen, rest)
    }
}
