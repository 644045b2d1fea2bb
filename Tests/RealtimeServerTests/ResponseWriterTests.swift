import ConsumerRuntime
import NIOCore
import NIOHTTP1
import Testing

@testable import RealtimeServer

@Suite("Responses as bytes") struct ResponseWriterTests {
    private func write(
        _ messages: [Message], method: HTTPMethod = .GET, version: HTTPVersion = .http1_1,
        fields: [(String, String)] = []
    ) throws -> (text: String, keepAlive: Bool, isComplete: Bool) {
        let request = HTTPRequestHead(version: version, method: method, uri: "/", headers: HTTPHeaders(fields))
        var writer = ResponseWriter(to: request)
        var buffer = ByteBuffer()
        var isComplete = false
        for message in messages { isComplete = try writer.write(message, date: "now", to: &buffer) }
        return (String(buffer: buffer), writer.keepAlive, isComplete)
    }

    private let body = Array("hello".utf8)

    @Test("a body that comes whole is counted")
    func counted() throws {
        let (text, keepAlive, isComplete) = try write([.httpResponseStart(status: 200), .httpResponseBody(body)])
        #expect(text == "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\n\r\nhello")
        #expect(keepAlive && isComplete)
    }

    @Test("a body in pieces is chunked, and ended by the connection's end for HTTP/1.0")
    func pieces() throws {
        let messages: [Message] = [
            .httpResponseStart(status: 200), .httpResponseBody(body, more: true), .httpResponseBody([], more: true),
            .httpResponseBody([]),
        ]
        let new = try write(messages)
        #expect(new.text.hasSuffix("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        #expect(new.keepAlive)
        let old = try write(messages, version: .http1_0, fields: [("connection", "keep-alive")])
        #expect(old.text.hasSuffix("connection: close\r\n\r\nhello"))
        #expect(!old.keepAlive)
    }

    @Test("nothing follows the head of a response to HEAD, nor with 204 and 304")
    func noBody() throws {
        let messages: [Message] = [.httpResponseStart(status: 200), .httpResponseBody(body)]
        #expect(try write(messages, method: .HEAD).text.hasSuffix("content-length: 5\r\n\r\n"))
        for status in [204, 304] {
            let text = try write([.httpResponseStart(status: status), .httpResponseBody(body)]).text
            #expect(text.hasSuffix("date: now\r\n\r\n"))
        }
    }

    @Test("a length that the application gives is kept to: more is its error, less ends the connection")
    func lengths() throws {
        let start = Message.httpResponseStart(status: 200, headers: [Header("Content-Length", "3")])
        #expect(throws: ProtocolMisuse.self) { try write([start, .httpResponseBody(body)]) }
        let short = try write([start, .httpResponseBody([1])])
        #expect(short.isComplete && !short.keepAlive)
    }

    @Test("the framing is the server's, whatever the application says of it")
    func framing() throws {
        let headers = [Header("transfer-encoding", "chunked"), Header("connection", "close"), Header("x-a", "b")]
        let (text, keepAlive, _) = try write([
            .httpResponseStart(status: 200, headers: headers), .httpResponseBody(body),
        ])
        #expect(text == "HTTP/1.1 200 OK\r\nx-a: b\r\ndate: now\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
        #expect(!keepAlive)
    }

    @Test(
        "what an application must not send is its error",
        arguments: [
            [.httpResponseBody([])], [.httpResponseStart(status: 99)], [.websocketAccept()],
            [.httpResponseStart(status: 200), .httpResponseStart(status: 200)],
            [.httpResponseStart(status: 200, headers: [Header("a", "b\r\nset-cookie: c")])],
            [.httpResponseStart(status: 200, headers: [Header("a b", "c")])],
            [.httpResponseStart(status: 200), .httpResponseBody([]), .httpResponseBody([])],
        ] as [[Message]])
    func misuse(messages: [Message]) { #expect(throws: ProtocolMisuse.self) { try write(messages) } }

    @Test(
        "dates are those of the calendar",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        ])
    func dates(seconds: Int, text: String) { #expect(HTTPDate.text(seconds) == text) }

    @Test("descriptors: what fits, and what to do when it does not")
    func descriptors() throws {
        let limit = try #require(DescriptorLimit.raise(for: nil))
        #expect(limit.soft == limit.hard)
        #expect(limit.shortfall(of: limit.connections) == nil)
        let short = try #require(DescriptorLimit(soft: 1024, hard: 4096).shortfall(of: 5000))
        #expect(short.why.contains("5064 descriptors") && short.why.contains("hard limit is 4096"))
    }
}
