import Clocks
import FoundationEssentials
import JWTKit
import Observations
import Scenarios

/// Signs the tokens that clients bring (HS256, RFC 7515), with jwt-kit.
enum TokenSigner {
    /// The token of one client, which nobody but the server it goes to may see.
    ///
    /// - Parameter fill: fills the places of a text.
    static func sign(_ token: Token, fill: (Template) -> String) async throws -> String {
        let now = WallClock.now()
        // In the order of their names: what is left to chance must follow from the seed.
        var claims: [String: SignedClaim] = [:]
        for (name, claim) in token.claims.sorted(by: { $0.key < $1.key }) {
            claims[name] = SignedClaim(claim, now: now, fill: fill)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let keys = await JWTKeyCollection()
            .add(
                hmac: HMACKey(from: key(token.secret)), digestAlgorithm: .sha256,
                serializer: DefaultJWTSerializer(jsonEncoder: encoder))
        return try await keys.sign(Claims(values: claims))
    }

    /// HMAC fills a key up with zeros to the block of its hash (RFC 2104 §2), so this is the same key; jwt-kit takes none of fewer than 32
    /// bytes (RFC 7518 §3.2), and many a server under test has one.
    private static func key(_ secret: String) -> [UInt8] {
        let bytes = Array(secret.utf8)
        return bytes + Array(repeating: 0, count: max(0, 32 - bytes.count))
    }

    private struct Claims: JWTPayload {
        var values: [String: SignedClaim]

        init(values: [String: SignedClaim]) { self.values = values }
        init(from decoder: any Decoder) throws { values = [:] }
        func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }
}

/// A claim with its places filled in, as JSON has it.
private enum SignedClaim: Encodable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([SignedClaim])
    case object([String: SignedClaim])

    init(_ claim: Token.Claim, now: Double, fill: (Template) -> String) {
        switch claim {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .text(let template): self = .text(fill(template))
        case .time(let offset): self = .integer(Int(now) + Int(offset.count / 1_000_000_000))
        case .list(let items): self = .list(items.map { SignedClaim($0, now: now, fill: fill) })
        case .object(let members):
            var object: [String: SignedClaim] = [:]
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                object[name] = SignedClaim(member, now: now, fill: fill)
            }
            self = .object(object)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
