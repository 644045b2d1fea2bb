public import Observations

/// A JSON Web Token (RFC 7519) that each client brings of its own: signed with the server's secret when it connects.
///
/// Only described here. Whoever plays the scenario reads the clock and signs.
public struct Token: Hashable, Sendable {
    /// Where it stands in the request.
    public enum Place: Hashable, Sendable {
        /// `Authorization: Bearer …` (RFC 6750 §2.1).
        case header
        /// A parameter of the query: what browsers can send.
        case query(name: String)
        /// The last of the subprotocols that are offered: what browsers can send and logs do not keep.
        case subprotocol
    }

    /// A claim's value.
    public indirect enum Claim: Hashable, Sendable {
        case null
        case bool(Bool)
        case integer(Int)
        case number(Double)
        /// Text with places.
        case text(Template)
        case list([Claim])
        case object([String: Claim])
        /// A NumericDate (RFC 7519 §2) so far from when the token is signed; negative is before.
        case time(fromNow: Nanoseconds)
    }

    /// What it is signed with, HS256 (RFC 7518 §3.2). A secret: never recorded, never shown.
    public var secret: String
    /// What it says.
    public var claims: [String: Claim]
    /// Where it stands.
    public var place: Place

    /// Claims that are times, RFC 7519 §4.1: in a scenario they are lengths of time from now, so that it plays tomorrow as today.
    static let times = ["exp", "iat", "nbf"]
    /// Largest secret, in bytes.
    static let secretLimit = 4096
}

extension Token {
    /// `{secret: …, claims: {…}, in: header | query | subprotocol, name: token}`.
    init(_ field: Field) throws {
        let fields = try field.mapping(["secret", "claims", "in", "name"])
        let key = try fields.required("secret", example: "the server's own, for tests")
        secret = try key.text()
        guard (1...Self.secretLimit).contains(secret.utf8.count) else {
            throw key.error("a secret has 1 to \(Self.secretLimit) bytes")
        }
        claims = [:]
        for (name, value) in try fields["claims"]?.entries() ?? [] {
            claims[name] = Self.times.contains(name) ? try Self.time(value) : try Self.claim(value)
        }
        let word = try fields["in"]?.word(["header", "query", "subprotocol"]) ?? "header"
        if let name = fields["name"], word != "query" {
            throw name.error("only a token in the query has a name", remedy: "add `in: query`, or leave `name` out")
        }
        switch word {
        case "query": place = .query(name: try fields["name"].map { try Self.name($0) } ?? "token")
        case "subprotocol": place = .subprotocol
        default: place = .header
        }
    }

    /// A name of a parameter that needs no escapes (RFC 3986 §2.3).
    private static func name(_ field: Field) throws -> String {
        let name = try field.text()
        let isPlain = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-._~".utf8.contains(byte)
        }
        guard !name.isEmpty, isPlain else { throw field.expected("letters, digits and -._~", example: "token") }
        return name
    }

    /// `5 min`, or `-5 min`.
    private static func time(_ field: Field) throws -> Claim {
        let text = try field.text()
        guard let length = Quantities.duration(text.drop { $0 == "-" || $0 == "+" }),
            text.prefix(2).filter({ $0 == "-" || $0 == "+" }).count <= 1
        else {
            throw field.expected("a length of time from when the client connects", example: "5 min` or `-5 min")
        }
        return .time(fromNow: text.first == "-" ? Nanoseconds(-length.count) : length)
    }

    private static func claim(_ field: Field, depth: Int = 0) throws -> Claim {
        guard depth < 16 else { throw field.error("\(field.path) is nested more than 16 deep") }
        if field.isEmpty { return .null }
        if field.isScalar {
            let text = try field.text()
            if field.isPlain {
                if let bool = ["true": true, "false": false][text] { return .bool(bool) }
                if let integer = Int(text) { return .integer(integer) }
                if let number = Double(text), number.isFinite { return .number(number) }
            }
            return .text(try Verb.template(field))
        }
        if field.isList { return .list(try field.list().map { try claim($0, depth: depth + 1) }) }
        return .object(
            try field.entries().reduce(into: [:]) { object, entry in
                object[entry.name] = try claim(entry.value, depth: depth + 1)
            })
    }
}
