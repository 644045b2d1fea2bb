/// The opening handshake (RFC 6455 §4), both sides, on header fields and not on bytes.
public enum Handshake {
    /// A header field.
    public typealias Field = (name: String, value: String)

    /// Why a request is no opening handshake, and the status it is answered with (§4.2.1).
    public enum Refusal: Error, Hashable, Sendable {
        /// No `Upgrade: websocket`: a plain request, not a mistake.
        case notWebSocket
        /// Not a GET, or no `Connection: upgrade`.
        case badRequest
        /// `Sec-WebSocket-Key` is missing, doubled, or not 16 bytes of base64.
        case badKey
        /// A version other than 13: the answer names the one that is spoken.
        case unsupportedVersion

        /// The HTTP status to answer with.
        public var status: Int { self == .unsupportedVersion ? 426 : 400 }
    }

    /// Why an answer does not open the connection (§4.1).
    public enum Rejection: Error, Hashable, Sendable {
        /// The server answered with another status than 101.
        case status(Int)
        /// 101, but not of the WebSocket protocol, or with the wrong accept value.
        case badAnswer
        /// A subprotocol or an extension that was not offered.
        case notOffered
        /// Not HTTP, or a head larger than 16 kB.
        case notHTTP
    }

    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The value of `Sec-WebSocket-Accept` for a key (§4.2.2).
    public static func accept(key: String) -> String { Base64.encode(SHA1.hash(Array((key + guid).utf8))) }

    /// A fresh key: 16 bytes of base64 (§4.1).
    public static func key(using generator: inout some RandomNumberGenerator) -> String {
        Base64.encode((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// The key of a client's request.
    ///
    /// - Throws: `Refusal`, which says what to answer.
    public static func key(method: String, fields: [Field]) throws(Refusal) -> String {
        guard tokens("upgrade", in: fields).contains("websocket") else { throw .notWebSocket }
        guard method == "GET", tokens("connection", in: fields).contains("upgrade") else { throw .badRequest }
        guard values("sec-websocket-version", in: fields) == ["13"] else { throw .unsupportedVersion }
        let keys = values("sec-websocket-key", in: fields)
        guard keys.count == 1, let key = keys.first, Base64.decodedLength(key) == 16 else { throw .badKey }
        return key
    }

    /// The subprotocols a client offers, in its order of preference (§11.3.4).
    public static func subprotocols(_ fields: [Field]) -> [String] {
        values("sec-websocket-protocol", in: fields).flatMap(split)
    }

    /// The fields of the answer that accepts (§4.2.2).
    public static func answer(key: String, subprotocol: String? = nil) -> [Field] {
        [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", accept(key: key))]
            + (subprotocol.map { [("sec-websocket-protocol", $0)] } ?? [])
    }

    /// What a server chose of what a client offered.
    public struct Chosen: Hashable, Sendable {
        /// The subprotocol; `nil` for none.
        public var subprotocol: String?
        /// What it agreed to about compression; `nil` for none.
        public var deflate: DeflateAgreement?
    }

    /// Checks a server's answer (§4.1).
    ///
    /// - Parameters:
    ///   - offered: the subprotocols that the client offered.
    ///   - offersDeflate: whether it offered permessage-deflate: `DeflateAgreement.offer`.
    public static func check(
        status: Int, fields: [Field], key: String, offered: [String], offersDeflate: Bool = false
    ) throws(Rejection) -> Chosen {
        guard status == 101 else { throw .status(status) }
        guard tokens("upgrade", in: fields) == ["websocket"], tokens("connection", in: fields).contains("upgrade"),
            values("sec-websocket-accept", in: fields) == [accept(key: key)]
        else { throw .badAnswer }
        let chosen = values("sec-websocket-protocol", in: fields)
        guard chosen.count <= 1, chosen.allSatisfy(offered.contains) else { throw .notOffered }
        guard offersDeflate || values("sec-websocket-extensions", in: fields).isEmpty else { throw .notOffered }
        return Chosen(
            subprotocol: chosen.first, deflate: offersDeflate ? try DeflateAgreement.accepted(fields) : nil)
    }

    /// All values of a field, spaces around them cut off.
    static func values(_ name: String, in fields: [Field]) -> [String] {
        fields.filter { $0.name.lowercased() == name }.map { trim($0.value[...]) }
    }

    /// The members of a list field, in lower case.
    static func tokens(_ name: String, in fields: [Field]) -> [String] {
        values(name, in: fields).flatMap(split).map { $0.lowercased() }
    }

    private static func split(_ list: String) -> [String] {
        list.split(separator: ",").map(trim).filter { !$0.isEmpty }
    }

    private static func trim(_ text: Substring) -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        let start = text.drop(while: isBlank)
        return String(start.reversed().drop(while: isBlank).reversed())
    }
}
