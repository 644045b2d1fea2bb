import ConsumerRuntime
import NIOHTTP1

/// What a request asks for, taken apart (RFC 9112 §3.2).
struct RequestTarget {
    /// The path, percent escapes undone.
    var path: String
    /// What follows the question mark, as it was sent.
    var query: String

    /// The target of a request; `nil` for one that no application is asked for: CONNECT's, and one of which nobody can
    /// say which host it means, having no `Host` (an error from HTTP/1.1 on) or several.
    init?(_ head: HTTPRequestHead) {
        let hosts = head.headers["host"].count
        guard head.method != .CONNECT, hosts == 1 || hosts == 0 && head.version != .http1_1 else { return nil }
        var text = head.uri[...]
        // The absolute form, which is for proxies, is for servers too.
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            let authority = text.dropFirst(scheme.count)
            text = authority.firstIndex { $0 == "/" || $0 == "?" }.map { authority[$0...] } ?? "/"
        }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = Self.percentDecoded(parts.first.map(String.init) ?? "")
        if path.isEmpty { path = "/" }
        query = parts.count > 1 ? String(parts[1]) : ""
    }

    /// The text with its percent escapes undone; one that is none stays as it is.
    static func percentDecoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%"), place + 2 < bytes.count,
                let high = hexadecimal(bytes[place + 1]), let low = hexadecimal(bytes[place + 2])
            {
                decoded.append(high << 4 | low)
                place += 3
            } else {
                decoded.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
