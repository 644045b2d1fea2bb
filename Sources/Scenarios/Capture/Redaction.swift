/// Takes secrets out of what a browser recorded: a HAR file has those of whoever made it.
struct Redaction {
    /// What stands in a secret's place.
    static let mark = "redacted"

    /// How many were taken out.
    private(set) var count = 0

    /// Path and query of a URL, with the values of secret parameters taken out, and its host without user and password; `nil` when it
    /// is no URL of a WebSocket.
    mutating func target(of url: String) -> (host: String, target: String)? {
        guard let scheme = ["ws://", "wss://", "http://", "https://"].first(where: url.lowercased().hasPrefix) else {
            return nil
        }
        let rest = url.dropFirst(scheme.count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard !host.isEmpty else { return nil }
        let path = rest.dropFirst(authority.count).prefix { $0 != "?" }
        let query = rest.dropFirst(authority.count + path.count).dropFirst()
        var target =
            path.isEmpty
            ? "/"
            : path.split(separator: "/", omittingEmptySubsequences: false).map {
                segment($0)
            }.joined(separator: "/")
        if !query.isEmpty {
            target +=
                "?"
                + query.split(separator: "&", omittingEmptySubsequences: false).map { parameter($0) }
                .joined(separator: "&")
        }
        // What would not stand in a request line is none of a browser's.
        guard !target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return nil }
        return (host, target)
    }

    /// A subprotocol: some applications send their token as one.
    mutating func subprotocol(_ name: some StringProtocol) -> String {
        guard Self.looksSecret(name) else { return String(name) }
        count += 1
        return Self.mark
    }

    private mutating func segment(_ text: Substring) -> String {
        // A path may hold an identity, which is no secret; a signed token is.
        guard text.hasPrefix("eyJ"), Self.looksSecret(text) else { return String(text) }
        count += 1
        return Self.mark
    }

    private mutating func parameter(_ text: Substring) -> String {
        guard let equals = text.firstIndex(of: "=") else {
            guard Self.looksSecret(text) else { return String(text) }
            count += 1
            return Self.mark
        }
        let (name, value) = (text[..<equals], text[text.index(after: equals)...])
        guard !value.isEmpty, Self.namesSecret(name) || Self.looksSecret(value) else { return String(text) }
        count += 1
        return "\(name)=\(Self.mark)"
    }

    private static let names = [
        "token", "auth", "key", "secret", "pass", "pwd", "session", "sid", "jwt", "sig", "ticket", "code", "credential",
        "cookie", "csrf", "nonce", "otp", "signature", "access",
    ]

    private static func namesSecret(_ name: Substring) -> Bool {
        let name = name.lowercased()
        return names.contains { name.contains($0) }
    }

    /// Whether a text may be a secret by its looks: a signed token, or twenty characters or more of digits and letters mixed.
    static func looksSecret(_ text: some StringProtocol) -> Bool {
        if text.hasPrefix("eyJ"), text.utf8.count >= 20 { return true }
        guard text.utf8.count >= 20 else { return false }
        let characters = text.utf8
        let isWord = characters.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || [0x2B, 0x2D, 0x2E, 0x2F, 0x3D, 0x5F, 0x7E, 0x25].contains($0)
        }
        return isWord && characters.contains { (0x30...0x39).contains($0) }
            && characters.contains { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
    }
}
