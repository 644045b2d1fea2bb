import Glibc

/// Where clients connect: `ws://127.0.0.1:8000`, with the path that every path is put behind.
public struct Endpoint: Hashable, Sendable {
    /// Host name or address, without brackets.
    public var host: String
    /// Port.
    public var port: Int
    /// What stands before a scenario's paths: empty, or `/prefix`.
    public var prefix: String

    /// An endpoint.
    public init(host: String = "127.0.0.1", port: Int, prefix: String = "") {
        (self.host, self.port, self.prefix) = (host, port, prefix)
    }

    /// Reads `ws://HOST[:PORT][/prefix]` or `http://…`; `nil` when it is none, or asks for TLS.
    public init?(url: String) {
        guard let scheme = ["ws://", "http://"].first(where: url.lowercased().hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var prefix = String(rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" })
        while prefix.last == "/" { prefix.removeLast() }
        let host: Substring
        let port: Substring
        if authority.first == "[", let end = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<end]
            port = authority[authority.index(after: end)...]
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority.dropFirst(host.count)
        }
        guard !host.isEmpty, !authority.contains("@"), port.isEmpty || port.first == ":",
            let number = port.isEmpty ? 80 : Int(port.dropFirst()), (1...65535).contains(number)
        else { return nil }
        self.init(host: String(host), port: number, prefix: prefix)
    }

    /// Whether it is this machine's own: 127.0.0.0/8, ::1, or `localhost`.
    public var isLoopback: Bool {
        if host == "localhost" { return true }
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, host, &six) == 1 else { return false }
        return withUnsafeBytes(of: &six) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }

    /// For a `Host` field and for messages.
    public var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}
