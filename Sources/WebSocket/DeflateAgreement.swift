/// What was agreed on about permessage-deflate (RFC 7692 §7.1), as one side sees it.
///
/// No context is kept between messages in either direction: a connection then owns no window (some 300 kB with one), and
/// all connections of a loop share one compressor.
public struct DeflateAgreement: Hashable, Sendable {
    /// log2 of the largest window that this side may compress with: 9 to 15. `nil` when the other side allows only one
    /// that zlib does not have: then this side compresses nothing.
    public var windowBits: Int?

    /// What a client offers: no context either way, and a window as the server likes.
    public static let offer =
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits"

    /// The extension's value in the server's answer.
    public var answer: String {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + (windowBits.map { $0 < 15 ? "; server_max_window_bits=\($0)" : "" } ?? "")
    }

    /// What a server made of `offer` (RFC 7692 §7.1.1, §7.1.2).
    ///
    /// - Returns: `nil` when it declined.
    /// - Throws: `notOffered` when it takes what was not offered, or keeps a context that it was asked not to keep.
    static func accepted(_ fields: [Handshake.Field]) throws(Handshake.Rejection) -> DeflateAgreement? {
        let values = Handshake.values("sec-websocket-extensions", in: fields)
        guard let value = values.first else { return nil }
        guard values.count == 1, !value.contains(","), let parameters = Self.parameters(value[...]),
            parameters["server_no_context_takeover"] == .some(nil)
        else { throw .notOffered }
        var agreement = DeflateAgreement(windowBits: 15)
        for (name, value) in parameters {
            let bits = value.flatMap { Int($0) }
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard value == nil else { throw .notOffered }
            case "server_max_window_bits": guard 8...15 ~= bits ?? 0 else { throw .notOffered }
            case "client_max_window_bits":
                guard let bits, 8...15 ~= bits else { throw .notOffered }
                agreement.windowBits = bits > 8 ? bits : nil
            default: throw .notOffered
            }
        }
        return agreement
    }

    private init(windowBits: Int) { self.windowBits = windowBits }

    /// The first offer of a client that can be met; `nil` when there is none.
    public init?(offers fields: [Handshake.Field]) {
        for offer in Handshake.values("sec-websocket-extensions", in: fields).flatMap({ $0.split(separator: ",") }) {
            if let bits = Self.windowBits(offer: offer) {
                self.init(windowBits: bits)
                return
            }
        }
        return nil
    }

    /// The window an offer allows the server, or `nil` for an offer that is wrong or cannot be met.
    private static func windowBits(offer: Substring) -> Int? {
        guard let parameters = parameters(offer) else { return nil }
        var bits = 15
        for (name, value) in parameters {
            let number = value.flatMap { Int($0) }
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover": guard value == nil else { return nil }
            case "client_max_window_bits": guard value == nil || 8...15 ~= number ?? 0 else { return nil }
            case "server_max_window_bits":
                // zlib cannot make a window of 2^8.
                guard let number, 9...15 ~= number else { return nil }
                bits = number
            default: return nil
            }
        }
        return bits
    }

    /// The parameters of one `permessage-deflate`; `nil` when it is another extension, or names one twice.
    private static func parameters(_ extensionValue: Substring) -> [Substring: Substring?]? {
        var parts = extensionValue.split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }[...]
        }
        guard !parts.isEmpty, parts.removeFirst() == "permessage-deflate" else { return nil }
        var parameters: [Substring: Substring?] = [:]
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = pair.first, parameters[name] == nil else { return nil }
            parameters[name] = .some(pair.count > 1 ? pair[1] : nil)
        }
        return parameters
    }
}
