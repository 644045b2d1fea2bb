import Foundation
import Observations

/// Reads the WebSockets out of a HAR file (1.2, with Chrome's and Firefox's `_webSocketMessages`), piece by piece: of a file of any size only
/// what is to be sent again is kept, and of that at most `byteLimit`.
///
/// Cookies and header fields are passed over unread, but for the subprotocols that were offered.
public struct HARReader {
    /// Most bytes of messages.
    public static let byteLimit = 64 << 20
    /// Most messages, sent or received.
    public static let messageLimit = 1_000_000
    /// Most WebSockets.
    public static let connectionLimit = 10_000

    private var scanner = JSONScanner()
    private let builder = HARBuilder()

    /// A reader of one file.
    public init() {}

    /// Reads the next piece.
    ///
    /// - Throws: `CaptureError`.
    public mutating func read(_ bytes: UnsafeRawBufferPointer) throws(CaptureError) {
        do {
            let builder = self.builder
            try scanner.read(bytes, keep: { builder.keeps }) { token, text in try builder.take(token, &text) }
        } catch let error as CaptureError {
            throw error
        } catch let error as JSONScanner.Mistake {
            throw CaptureError(
                "this is no HAR file: \(error.what) (byte \(error.offset))",
                remedy: "save it again: DevTools, Network, \"Save all as HAR\"")
        } catch {
            throw CaptureError("this is no HAR file: \(error)")
        }
    }

    /// What was read, when all of it has been.
    ///
    /// - Throws: `CaptureError` when the file was cut, or has no WebSocket.
    public func finish() throws(CaptureError) -> Capture {
        guard scanner.isComplete else {
            throw CaptureError(
                "the file ends in the middle, after \(scanner.offset) bytes",
                remedy: "save it again: DevTools, Network, \"Save all as HAR\"")
        }
        guard let capture = builder.capture else {
            throw CaptureError(
                "there are no WebSocket messages in it",
                remedy:
                    "open DevTools before the page connects, then save with \"Save all as HAR (with sensitive data)\"")
        }
        return capture
    }
}

/// Puts connections together out of JSON tokens.
private final class HARBuilder {
    /// Names that matter; all others are one.
    private enum Word: String {
        case log, entries, request, url, headers, name, value, type, time, opcode, data
        case started = "startedDateTime"
        case messages = "_webSocketMessages"
        case element, other
    }

    private struct Draft {
        var url = ""
        var started: Double?
        var protocols: [String] = []
        var isWebSocket = false
        var messages: [(time: Double, isSent: Bool, content: Capture.Content?)] = []
    }

    private struct Raw {
        var type = ""
        var time: Double?
        var opcode = 1
        var data: [UInt8] = []
    }

    private var path: [Word] = []
    private var draft = Draft()
    private var raw = Raw()
    private var header = (name: "", value: "")
    private var redaction = Redaction()
    private var connections: [(opened: Double, connection: Capture.Connection)] = []
    private var host = ""
    private var (bytes, messages) = (0, 0)

    private static let entry: [Word] = [.log, .entries, .element]
    private static let message = entry + [.messages, .element]
    private static let field = entry + [.request, .headers, .element]

    /// What was put together; `nil` when there was no WebSocket.
    var capture: Capture? {
        guard let first = connections.map(\.opened).min() else { return nil }
        let all = connections.sorted { $0.opened < $1.opened }.map { opened, connection in
            var connection = connection
            connection.offset = Self.length(opened - first)
            return connection
        }
        return Capture(host: host, connections: all, redacted: redaction.count)
    }

    /// Most bytes to keep of the scalar that begins now.
    var keeps: Int {
        guard path.count >= 4, path.starts(with: Self.entry) else { return 0 }
        switch path.dropFirst(3) {
        case [.started], [.messages, .element, .type], [.messages, .element, .time], [.messages, .element, .opcode]:
            return 64
        case [.request, .url]: return 16_384
        case [.request, .headers, .element, .name]: return 128
        case [.request, .headers, .element, .value]: return 4096
        case [.messages, .element, .data]: return HARReader.byteLimit
        default: return 0
        }
    }

    func take(_ token: JSONScanner.Token, _ text: inout [UInt8]) throws {
        switch token {
        case .beginObject:
            path.append(.other)
            if path.dropLast() == Self.entry { draft = Draft() }
            if path.dropLast() == Self.message { raw = Raw() }
        case .beginArray:
            if path == Self.entry + [.messages] { draft.isWebSocket = true }
            path.append(.element)
        case .name: path[path.count - 1] = Word(rawValue: String(decoding: text, as: UTF8.self)) ?? .other
        case .scalar:
            try scalar(&text)
        case .endObject:
            path.removeLast()
            try ended()
        case .endArray: path.removeLast()
        }
    }

    private func scalar(_ text: inout [UInt8]) throws {
        guard keeps > 0 else { return }
        func string() -> String { String(decoding: text, as: UTF8.self) }
        switch path.last {
        case .started: draft.started = ISOTime.seconds(string())
        case .url: draft.url = string()
        case .name: header.name = string()
        case .value: header.value = string()
        case .type: raw.type = string()
        case .time: raw.time = Double(string())
        case .opcode: raw.opcode = Int(string()) ?? 0
        case .data: raw.data = text
        default: break
        }
    }

    private func ended() throws {
        if path == Self.message {
            try endMessage()
        } else if path == Self.field {
            if header.name.lowercased() == "sec-websocket-protocol" {
                draft.protocols = header.value.split(separator: ",").map { String($0.trimmed) }
            }
            header = ("", "")
        } else if path == Self.entry {
            try endEntry()
        }
    }

    private func endMessage() throws {
        messages += 1
        guard messages <= HARReader.messageLimit else {
            throw CaptureError("it holds more than \(HARReader.messageLimit) messages", remedy: "record a shorter time")
        }
        guard let time = raw.time, time.isFinite, raw.opcode == 1 || raw.opcode == 2 else { return }
        let isSent = raw.type == "send"
        guard isSent || raw.type == "receive" else { return }
        var content: Capture.Content?
        if isSent {
            bytes += raw.data.count
            guard bytes <= HARReader.byteLimit else {
                throw CaptureError(
                    "what it sends is more than \(HARReader.byteLimit >> 20) MiB", remedy: "record a shorter time")
            }
            content =
                raw.opcode == 1
                ? .text(String(decoding: raw.data, as: UTF8.self))
                : .bytes(Data(base64Encoded: Data(raw.data)).map(Array.init) ?? [])
        }
        draft.messages.append((time, isSent, content))
    }

    private func endEntry() throws {
        guard draft.isWebSocket, let (host, target) = redaction.target(of: draft.url) else { return }
        guard connections.count < HARReader.connectionLimit else {
            throw CaptureError("it holds more than \(HARReader.connectionLimit) WebSockets")
        }
        let first = draft.messages.map(\.time).min()
        // A start that lies after the first message, or years before it, is another clock's.
        let opened: Double
        if let started = draft.started, let first {
            opened = started <= first && first - started < 86_400 ? started : first
        } else {
            opened = first ?? draft.started ?? 0
        }
        let last = draft.messages.map(\.time).max() ?? opened
        let sent = draft.messages.filter(\.isSent).sorted { $0.time < $1.time }.compactMap { message in
            message.content.map {
                Capture.Message(offset: Self.length(message.time - opened), isSent: true, content: $0)
            }
        }
        if self.host.isEmpty { self.host = host }
        connections.append(
            (
                opened,
                Capture.Connection(
                    target: target, subprotocols: draft.protocols.map { redaction.subprotocol($0) }, offset: .zero,
                    sent: sent, received: draft.messages.count { !$0.isSent }, length: Self.length(last - opened))
            ))
        draft = Draft()
    }

    /// At most thirty days, and never before.
    private static func length(_ seconds: Double) -> Nanoseconds {
        Nanoseconds(Int64(min(max(seconds, 0), 30 * 86_400) * 1e9))
    }
}

/// `2026-11-30T08:15:01.250Z` as seconds since 1970 (ISO 8601, as HAR has it).
enum ISOTime {
    static func seconds(_ text: String) -> Double? {
        guard text.utf8.count >= 19, let day = CalendarDay(text.prefix(10)) else { return nil }
        let rest = text.dropFirst(11)
        let clock = rest.prefix(8).split(separator: ":").map { Int($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2] else { return nil }
        var tail = rest.dropFirst(8)
        var fraction = 0.0
        if tail.first == "." {
            let digits = tail.dropFirst().prefix { $0.isASCII && $0.isNumber }
            fraction = Double("0." + digits) ?? 0
            tail = tail.dropFirst(1 + digits.count)
        }
        var zone = 0
        if let sign = tail.first, sign == "+" || sign == "-" {
            let parts = tail.dropFirst().split(separator: ":").map { Int($0) ?? 0 }
            zone = ((parts.first ?? 0) * 60 + (parts.count > 1 ? parts[1] : 0)) * (sign == "+" ? 60 : -60)
        }
        return Double(day.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - zone) + fraction
    }
}
