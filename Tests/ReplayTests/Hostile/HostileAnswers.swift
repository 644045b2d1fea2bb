import Testing
import WebSocket

/// What a server may answer to an opening handshake, and what a client must make of it.
struct HostileAnswer: Sendable, CustomTestStringConvertible {
    enum Expectation: Hashable, Sendable {
        case opens(subprotocol: String?)
        case rejected(Handshake.Rejection)
        /// More must come: nobody is let in, and the client's own deadline ends it.
        case waits
    }

    var name: String
    var expectation: Expectation
    /// The head of the answer to a key.
    var head: @Sendable (_ key: String) -> [UInt8]
    /// The subprotocols that the client offers.
    var offered: [String] = []
    var offersDeflate = false

    var testDescription: String { name }

    /// A head of a status line and fields; `ACCEPT` in them stands for the right accept value.
    init(
        _ name: String, _ expectation: Expectation, _ lines: String..., offered: [String] = [], deflate: Bool = false
    ) {
        self.init(name, expectation, offered: offered, deflate: deflate) { key in
            let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
            return Array(text.replacing("ACCEPT", with: Handshake.accept(key: key)).utf8)
        }
    }

    init(
        _ name: String, _ expectation: Expectation, offered: [String] = [], deflate: Bool = false,
        head: @escaping @Sendable (_ key: String) -> [UInt8]
    ) {
        (self.name, self.expectation, self.head, self.offered) = (name, expectation, head, offered)
        offersDeflate = deflate
    }
}

private let line = "HTTP/1.1 101 Switching Protocols"
private let upgrade = "Upgrade: websocket"
private let connection = "Connection: Upgrade"
private let accept = "Sec-WebSocket-Accept: ACCEPT"
private let deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"

extension HostileAnswer {
    static let all = statuses + heads + fields + choices

    private static let statuses: [HostileAnswer] = [
        HostileAnswer("200", .rejected(.status(200)), "HTTP/1.1 200 OK", "Content-Length: 0"),
        HostileAnswer("204 without a reason", .rejected(.status(204)), "HTTP/1.1 204"),
        HostileAnswer("301", .rejected(.status(301)), "HTTP/1.1 301 Moved", "Location: /chat/"),
        HostileAnswer("302 to a login", .rejected(.status(302)), "HTTP/1.1 302 Found", "Location: /login"),
        HostileAnswer("307 to itself", .rejected(.status(307)), "HTTP/1.1 307 Again", "Location: /"),
        HostileAnswer("400", .rejected(.status(400)), "HTTP/1.1 400 Bad Request"),
        HostileAnswer(
            "401", .rejected(.status(401)), "HTTP/1.1 401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\""),
        HostileAnswer("403", .rejected(.status(403)), "HTTP/1.1 403 Forbidden"),
        HostileAnswer("404", .rejected(.status(404)), "HTTP/1.1 404 Not Found"),
        HostileAnswer("426", .rejected(.status(426)), "HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 25"),
        HostileAnswer("500", .rejected(.status(500)), "HTTP/1.1 500 Internal Server Error"),
        HostileAnswer("503", .rejected(.status(503)), "HTTP/1.1 503 Try Later", "Retry-After: 1"),
        HostileAnswer("999", .rejected(.status(999)), "HTTP/1.1 999 Made Up"),
        HostileAnswer(
            "403 with all that an acceptance has", .rejected(.status(403)), "HTTP/1.1 403 No", upgrade, connection,
            accept),
        HostileAnswer("102 and nothing more", .waits, "HTTP/1.1 102 Processing"),
        HostileAnswer(
            "103 before a right answer", .opens(subprotocol: nil), "HTTP/1.1 103 Early Hints", "Link: </a>", "", line,
            upgrade, connection, accept),
        HostileAnswer("100 before a refusal", .rejected(.status(403)), "HTTP/1.1 100 Continue", "", "HTTP/1.1 403 No"),
    ]

    private static let heads: [HostileAnswer] = [
        HostileAnswer("a right answer", .opens(subprotocol: nil), line, upgrade, connection, accept),
        HostileAnswer(
            "HTTP/1.0", .opens(subprotocol: nil), "HTTP/1.0 101 Switching Protocols", upgrade, connection, accept),
        HostileAnswer("no reason", .opens(subprotocol: nil), "HTTP/1.1 101", upgrade, connection, accept),
        HostileAnswer("HTTP/2", .rejected(.notHTTP), "HTTP/2 101 Switching Protocols", upgrade, connection, accept),
        HostileAnswer("http in small letters", .rejected(.notHTTP), "http/1.1 101 x", upgrade, connection, accept),
        HostileAnswer("a status in letters", .rejected(.notHTTP), "HTTP/1.1 OK x", upgrade),
        HostileAnswer("a status with a sign", .rejected(.notHTTP), "HTTP/1.1 +01 x", upgrade),
        HostileAnswer("a status of two digits", .rejected(.notHTTP), "HTTP/1.1 99 x", upgrade),
        HostileAnswer("a status of four digits", .rejected(.notHTTP), "HTTP/1.1 1010 x", upgrade),
        HostileAnswer("a status of 000", .rejected(.notHTTP), "HTTP/1.1 000 x", upgrade),
        HostileAnswer("a status below 100", .rejected(.notHTTP), "HTTP/1.1 099 x", upgrade),
        HostileAnswer("a status in other digits", .rejected(.notHTTP), "HTTP/1.1 １０１ x", upgrade, connection, accept),
        HostileAnswer("no status", .rejected(.notHTTP), "HTTP/1.1", upgrade),
        HostileAnswer("a version and garbage", .rejected(.notHTTP), "HTTP/1.1garbage", upgrade),
        HostileAnswer("another protocol's greeting", .rejected(.notHTTP), "220 smtp.example.org ESMTP"),
        HostileAnswer("a request", .rejected(.notHTTP), "GET / HTTP/1.1", "Host: x"),
        HostileAnswer("an empty head", .rejected(.notHTTP)) { _ in Array("\r\n\r\n".utf8) },
        HostileAnswer("nothing", .waits) { _ in [] },
        HostileAnswer("half a head", .waits) { _ in Array("HTTP/1.1 101 Swi".utf8) },
        HostileAnswer("bare line feeds", .waits) { _ in Array("\(line)\n\(upgrade)\n\(connection)\n\n".utf8) },
        HostileAnswer("zeros", .waits) { _ in [UInt8](repeating: 0, count: 4096) },
        HostileAnswer("20 kB without an end", .rejected(.notHTTP)) { _ in [UInt8](repeating: 0x41, count: 20_000) },
        HostileAnswer(
            "a whole head of 20 kB", .rejected(.notHTTP), line, "X: " + String(repeating: "x", count: 20_000)),
        HostileAnswer("interim answers without end", .rejected(.notHTTP)) { _ in
            Array(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 1000).utf8)
        },
        HostileAnswer("bytes that are no text", .rejected(.notHTTP)) { _ in
            (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 197 | 0x80) } + Array("\r\n\r\n".utf8)
        },
        HostileAnswer("a TLS record", .waits) { _ in [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46] },
        HostileAnswer("frames without a handshake", .waits) { _ in [0x81, 0x02, 0x68, 0x69] },
        HostileAnswer("a field without a colon", .rejected(.notHTTP), line, upgrade, "nonsense", connection, accept),
        HostileAnswer(
            "a folded field", .rejected(.notHTTP), line, upgrade, connection, "Sec-WebSocket-Accept:", " ACCEPT"),
        HostileAnswer("a field without a name", .rejected(.notHTTP), line, ": x", upgrade, connection, accept),
        HostileAnswer("a zero in a field", .rejected(.notHTTP), line, upgrade, connection, accept, "X: \u{0}"),
    ]

    private static let fields: [HostileAnswer] = [
        HostileAnswer("no accept value", .rejected(.badAnswer), line, upgrade, connection),
        HostileAnswer(
            "an empty accept value", .rejected(.badAnswer), line, upgrade, connection, "Sec-WebSocket-Accept:"),
        HostileAnswer(
            "another key's accept value", .rejected(.badAnswer), line, upgrade, connection,
            "Sec-WebSocket-Accept: wzPJMBiTxaQ9kYGzzhZRbK+xOo1="),
        HostileAnswer("the key instead of the accept value", .rejected(.badAnswer)) { key in
            Array("\(line)\r\n\(upgrade)\r\n\(connection)\r\nSec-WebSocket-Accept: \(key)\r\n\r\n".utf8)
        },
        HostileAnswer("the accept value in small letters", .rejected(.badAnswer)) { key in
            let value = Handshake.accept(key: key).lowercased()
            return Array("\(line)\r\n\(upgrade)\r\n\(connection)\r\nSec-WebSocket-Accept: \(value)\r\n\r\n".utf8)
        },
        HostileAnswer(
            "the accept value with more after it", .rejected(.badAnswer), line, upgrade, connection, accept + "AAAA"),
        HostileAnswer("the accept value twice", .rejected(.badAnswer), line, upgrade, connection, accept, accept),
        HostileAnswer(
            "a right and a wrong accept value", .rejected(.badAnswer), line, upgrade, connection, accept,
            "Sec-WebSocket-Accept: x"),
        HostileAnswer("no Upgrade", .rejected(.badAnswer), line, connection, accept),
        HostileAnswer("Upgrade to something else", .rejected(.badAnswer), line, "Upgrade: h2c", connection, accept),
        HostileAnswer(
            "Upgrade to two protocols", .rejected(.badAnswer), line, "Upgrade: websocket, h2c", connection, accept),
        HostileAnswer(
            "Upgrade to websocket/13", .rejected(.badAnswer), line, "Upgrade: websocket/13", connection, accept),
        HostileAnswer("a space before the colon", .rejected(.notHTTP), line, "Upgrade : websocket", connection, accept),
        HostileAnswer("no Connection", .rejected(.badAnswer), line, upgrade, accept),
        HostileAnswer("Connection: close", .rejected(.badAnswer), line, upgrade, "Connection: close", accept),
        HostileAnswer("Connection: upgraded", .rejected(.badAnswer), line, upgrade, "Connection: upgraded", accept),
        HostileAnswer(
            "names and tokens in odd letters", .opens(subprotocol: nil), line, "uPGRADE: WebSocket",
            "CONNECTION: keep-alive,UPGRADE", "sec-websocket-aCCEPT:   ACCEPT  "),
    ]

    private static let choices: [HostileAnswer] = [
        HostileAnswer(
            "an offered subprotocol", .opens(subprotocol: "b"), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: b", offered: ["a", "b"]),
        HostileAnswer(
            "none of the offered subprotocols", .opens(subprotocol: nil), line, upgrade, connection, accept,
            offered: ["a"]),
        HostileAnswer(
            "a subprotocol nobody asked for", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: a"),
        HostileAnswer(
            "another subprotocol", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: c", offered: ["a", "b"]),
        HostileAnswer(
            "a subprotocol in other letters", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: A", offered: ["a"]),
        HostileAnswer(
            "two subprotocols in one field", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: a, b", offered: ["a", "b"]),
        HostileAnswer(
            "two subprotocols in two fields", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b", offered: ["a", "b"]),
        HostileAnswer(
            "an empty subprotocol", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Protocol:", offered: ["a"]),
        HostileAnswer(
            "an extension nobody asked for", .rejected(.notOffered), line, upgrade, connection, accept, deflate),
        HostileAnswer(
            "an empty extension", .rejected(.notOffered), line, upgrade, connection, accept, "Sec-WebSocket-Extensions:"
        ),
        HostileAnswer(
            "compression as offered", .opens(subprotocol: nil), line, upgrade, connection, accept, deflate,
            deflate: true),
        HostileAnswer(
            "compression declined", .opens(subprotocol: nil), line, upgrade, connection, accept, deflate: true),
        HostileAnswer(
            "another extension", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Extensions: x-webkit-deflate-frame", deflate: true),
        HostileAnswer(
            "compression twice", .rejected(.notOffered), line, upgrade, connection, accept, deflate, deflate,
            deflate: true),
        HostileAnswer(
            "compression with a context kept", .rejected(.notOffered), line, upgrade, connection, accept,
            "Sec-WebSocket-Extensions: permessage-deflate", deflate: true),
        HostileAnswer(
            "compression with an unknown parameter", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; level=9", deflate: true),
        HostileAnswer(
            "compression with a parameter twice", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; server_no_context_takeover", deflate: true),
        HostileAnswer(
            "a window of 7 bits", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; server_max_window_bits=7", deflate: true),
        HostileAnswer(
            "a window of 16 bits", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; client_max_window_bits=16", deflate: true),
        HostileAnswer(
            "a window without a number", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; server_max_window_bits", deflate: true),
        HostileAnswer(
            "a window of many digits", .rejected(.notOffered), line, upgrade, connection, accept,
            deflate + "; client_max_window_bits=99999999999999999999", deflate: true),
    ]
}
