import ConsumerRuntime
import NIOCore
import NIOHTTP1

/// Makes the bytes of one response out of an application's messages (RFC 9112; ASGI specification, "HTTP").
///
/// A value with no input or output of its own. The head waits for the first piece of the body, as the specification has it:
/// a body that comes whole is counted, one that comes in pieces is chunked, and for HTTP/1.0 ended by the connection's end.
struct ResponseWriter {
    /// Where the body ends.
    private enum Framing: Hashable {
        case counted(left: Int)
        case chunked
        case untilClose
        /// To HEAD, and with 204 and 304.
        case none
    }

    private enum State {
        case idle
        case begun(status: Int, headers: [Header])
        case body(Framing)
        case ended
    }

    private let isHead: Bool
    private let isOld: Bool
    private var state = State.idle
    /// Whether the connection may serve another request afterwards.
    var keepAlive: Bool
    /// Whether a byte of it has been made: then it is too late for another status.
    private(set) var hasBegun = false

    /// A writer of the response to `request`.
    init(to request: HTTPRequestHead) {
        isHead = request.method == .HEAD
        isOld = request.version.major == 1 && request.version.minor == 0
        keepAlive = request.isKeepAlive
    }

    /// Takes a message of the application.
    ///
    /// - Parameter date: the value of `Date`.
    /// - Returns: whether the response is complete.
    /// - Throws: `ProtocolMisuse` when the message does not fit.
    mutating func write(_ message: Message, date: String, to buffer: inout ByteBuffer) throws(ProtocolMisuse) -> Bool {
        switch (state, message) {
        case (.idle, .httpResponseStart(let status, let headers)):
            guard (200...999).contains(status), headers.allSatisfy(\.isSendable) else {
                throw ProtocolMisuse(
                    message: message.type, expected: "a status of 200 or more, and fields without line breaks")
            }
            state = .begun(status: status, headers: headers)
            return false
        case (.begun(let status, let headers), .httpResponseBody(let body, let more)):
            let framing = writeHead(status, headers, firstBody: body, more: more, date: date, to: &buffer)
            state = .body(framing)
            return try writeBody(body, more: more, framing, to: &buffer)
        case (.body(let framing), .httpResponseBody(let body, let more)):
            return try writeBody(body, more: more, framing, to: &buffer)
        case (.idle, _): throw ProtocolMisuse(message: message.type, expected: "http.response.start")
        case (.begun, _), (.body, _): throw ProtocolMisuse(message: message.type, expected: "http.response.body")
        case (.ended, _): throw ProtocolMisuse(message: message.type, expected: "nothing: the response is complete")
        }
    }

    private mutating func writeHead(
        _ status: Int, _ headers: [Header], firstBody: [UInt8], more: Bool, date: String, to buffer: inout ByteBuffer
    ) -> Framing {
        hasBegun = true
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) }.flatMap {
            $0 < 0 ? nil : $0
        }
        let hasNoBody = isHead || status == 204 || status == 304
        let framing: Framing =
            if hasNoBody { .none } else if let length { .counted(left: length) } else if !more {
                .counted(left: firstBody.count)
            } else if isOld { .untilClose } else { .chunked }
        if framing == .untilClose
            || headers.contains(where: { $0.name == "connection" && $0.value.lowercased() == "close" })
        {
            keepAlive = false
        }
        buffer.writeString("HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
        // The framing is the server's: what the application says of it is not repeated, but for a length that counts.
        for header in headers
        where !["content-length", "transfer-encoding", "connection", "keep-alive"].contains(header.name) {
            buffer.writeString("\(header.name): \(header.value)\r\n")
        }
        if !headers.contains(where: { $0.name == "date" }) { buffer.writeString("date: \(date)\r\n") }
        switch framing {
        case .counted(let left): buffer.writeString("content-length: \(left)\r\n")
        case .chunked: buffer.writeString("transfer-encoding: chunked\r\n")
        case .none where status != 204:
            if let length = length ?? (isHead && !more ? firstBody.count : nil) {
                buffer.writeString("content-length: \(length)\r\n")
            }
        case .untilClose, .none: break
        }
        if !keepAlive {
            buffer.writeString("connection: close\r\n")
        } else if isOld {
            buffer.writeString("connection: keep-alive\r\n")
        }
        buffer.writeString("\r\n")
        return framing
    }

    private mutating func writeBody(
        _ body: [UInt8], more: Bool, _ framing: Framing, to buffer: inout ByteBuffer
    ) throws(ProtocolMisuse) -> Bool {
        switch framing {
        case .counted(let left):
            guard body.count <= left else {
                throw ProtocolMisuse(message: "http.response.body", expected: "no more than its content-length")
            }
            buffer.writeBytes(body)
            state = .body(.counted(left: left - body.count))
            // Too short: the client waits for the rest, until the connection ends.
            if !more, body.count < left { keepAlive = false }
        case .chunked:
            if !body.isEmpty {
                buffer.writeString(String(body.count, radix: 16) + "\r\n")
                buffer.writeBytes(body)
                buffer.writeString("\r\n")
            }
            if !more { buffer.writeString("0\r\n\r\n") }
        case .untilClose: buffer.writeBytes(body)
        case .none: break
        }
        if !more { state = .ended }
        return !more
    }

    /// A whole response of the server's own.
    static func plain(
        _ status: Int, _ text: String, fields: [Header] = [], keepAlive: Bool, date: String
    ) -> ByteBuffer {
        let reason = HTTPResponseStatus(statusCode: status).reasonPhrase
        let body = text.isEmpty ? reason + "\n" : text
        var head = "HTTP/1.1 \(status) \(reason)\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        head += "date: \(date)\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: \(body.utf8.count)\r\n"
        return ByteBuffer(string: head + (keepAlive ? "" : "connection: close\r\n") + "\r\n" + body)
    }
}

extension Header {
    /// Whether it may be put on the wire: a token for a name, and no line break in the value (RFC 9110 §5).
    var isSendable: Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            } && value.utf8.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F }
    }
}
