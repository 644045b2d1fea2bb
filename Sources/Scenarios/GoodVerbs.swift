import Foundation
import Observations

extension Verb {
    /// What a good client does.
    static let good: [Verb] = [
        Verb("connect", "opens the WebSocket", example: "connect: {path: /ws/chat}", standsAlone: true) { argument, _ in
            .connect(try Step.Connect(argument))
        },
        Verb("get", "asks for a page over HTTP and reads the whole answer", example: "get: {path: /, expect: 200}") {
            argument, field in
            let fields = try (argument ?? field).mapping(["path", "headers", "expect", "within"])
            return .get(
                path: try template(try fields.required("path", example: "/")),
                headers: try fields["headers"].map { try Step.Connect.headers($0) } ?? [],
                status: try fields["expect"]?.integer(100...599) ?? 200,
                within: try fields["within"]?.duration() ?? .seconds(30))
        },
        Verb("send", "sends a message", example: "send: {text: hello}") { argument, field in
            .send(try payload(argument ?? field))
        },
        Verb("expect", "waits for a message, or for the end", example: "expect: {text: hello, within: 1 s}") {
            argument, field in
            .expect(try Step.Expectation(argument ?? field))
        },
        Verb("wait", "does nothing for a time", example: "wait: 1 s") { argument, field in
            .wait(try span(argument ?? field))
        },
        Verb("idle", "stays open, answers pings, drops what arrives", example: "idle: 10 s") { argument, field in
            .idle(try span(argument ?? field))
        },
        Verb("barrier", "waits until all clients of the phase are here", example: "barrier: all open") {
            argument, field in
            .barrier(try (argument ?? field).text())
        },
        Verb("ping", "sends a ping and waits for its pong", example: "ping: {within: 1 s}", standsAlone: true) {
            argument, _ in
            .ping(within: try argument?.mapping(["within"])["within"]?.duration() ?? .seconds(10))
        },
        Verb("close", "closes with the closing handshake", example: "close: {code: 1000}", standsAlone: true) {
            argument, _ in
            let fields = try argument?.mapping(["code", "reason", "within"])
            let reason = try fields?["reason"]?.text() ?? ""
            if let field = fields?["reason"], reason.utf8.count > 123 {
                throw field.error("a close reason has at most 123 bytes, RFC 6455 §5.5")
            }
            return .close(
                code: try fields?["code"]?.integer(1000...4999) ?? 1000, reason: reason,
                within: try fields?["within"]?.duration() ?? .seconds(10))
        },
        Verb(
            "reconnect", "connects again, waiting between tries",
            example: "reconnect: {backoff: full-jitter, first: 1 s, cap: 30 s, tries: 10}", standsAlone: true
        ) { argument, _ in
            .reconnect(try Backoff(argument))
        },
        Verb("repeat", "does some steps again and again", example: "repeat: {times: 10, steps: [ping]}") {
            argument, field in
            let fields = try (argument ?? field).mapping(["times", "every", "steps"])
            let steps = try fields.required("steps", example: "[ping]").list()
            return .repeat(
                times: try fields.required("times", example: "10").integer(1...1_000_000),
                every: try fields["every"]?.duration(),
                steps: try steps.map { try Verb.step($0) })
        },
    ]

    /// A payload: `{text: …}`, `{json: …}`, `{base64: …}`, `{binary: 1 KiB}`.
    static func payload(_ field: Field) throws -> Step.Payload {
        let fields = try field.mapping(["text", "json", "base64", "binary"])
        if let encoded = fields["base64"] {
            guard let data = Data(base64Encoded: try encoded.text()) else {
                throw encoded.expected("bytes in base64", example: "aGVsbG8=")
            }
            return .bytes(Array(data))
        }
        if let text = fields["text"] { return .text(try template(text)) }
        if let json = fields["json"] { return .text(try Template(JSONText.of(json)) { json.error($0) }) }
        return .binary(try fields.required("binary", example: "1 KiB").bytes())
    }

    /// Text with places.
    static func template(_ field: Field) throws -> Template { try Template(try field.text()) { field.error($0) } }

    /// `1 s`, or `{from: 1 s, to: 3 s}`.
    static func span(_ field: Field) throws -> Step.Span {
        if field.isScalar {
            let length = try field.duration()
            return Step.Span(from: length, to: length)
        }
        let fields = try field.mapping(["from", "to"])
        let from = try fields.required("from", example: "1 s").duration()
        let to = try fields.required("to", example: "3 s").duration()
        guard from <= to else { throw field.error("`from` is longer than `to`") }
        return Step.Span(from: from, to: to)
    }
}

extension Step.Connect {
    init(_ field: Field?) throws {
        self.init()
        let fields = try field?.mapping(["path", "headers", "cookies", "subprotocols", "token", "within", "expect"])
        path = try fields?["path"].map { try Verb.template($0) } ?? path
        headers = try fields?["headers"].map { try Self.headers($0) } ?? []
        if let cookies = fields?["cookies"] {
            let pairs = try Self.headers(cookies).map { $0.name + "=" + $0.source }
            headers.append(
                Step.Header(name: "Cookie", value: try Template(pairs.joined(separator: "; ")) { cookies.error($0) }))
        }
        if let token = fields?["token"], !token.isScalar {
            self.token = try Token(token)
        } else if let token = fields?["token"] {
            headers.append(
                Step.Header(name: "Authorization", value: try Template("Bearer " + token.text()) { token.error($0) }))
        }
        subprotocols = try fields?["subprotocols"]?.listOrOne().map { try $0.text() } ?? []
        within = try fields?["within"]?.duration() ?? within
        outcome = try fields?["expect"].map { try Self.outcome($0) } ?? .open
    }

    static func headers(_ field: Field) throws -> [Step.Header] {
        try field.entries().map { name, value in
            // RFC 9110 §5.1: a field name is a token; a line break in a value would be a field of its own.
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }) else {
                throw value.error("`\(name.prefix(40))` is no name of a header field")
            }
            guard try !value.text().utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw value.error("the value of `\(name)` holds a control character")
            }
            return Step.Header(name: name, value: try Verb.template(value), source: try value.text())
        }
    }

    private static func outcome(_ field: Field) throws -> Outcome {
        let text = try field.text()
        if text == "open" { return .open }
        if text == "silence" { return .silence }
        if let status = Int(text), (200...599).contains(status) { return .status(status) }
        throw field.expected("open, silence, or an HTTP status", example: "403")
    }
}

extension Step.Expectation {
    init(_ field: Field) throws {
        let patience = Nanoseconds.seconds(10)
        if field.isScalar {
            kind = try field.word(["message", "nothing", "closed"]) == "message" ? .message : .closed(code: nil)
            if try field.text() == "nothing" { kind = .nothing }
            within = kind == .nothing ? .seconds(1) : patience
            return
        }
        let fields = try field.mapping([
            "message", "text", "json", "contains", "closed", "nothing", "sequence", "within",
        ])
        within = try fields["within"]?.duration() ?? patience
        let kinds = ["message", "text", "json", "contains", "closed", "nothing", "sequence"].filter {
            fields[$0] != nil
        }
        guard kinds.count == 1, let name = kinds.first, let value = fields[name] else {
            throw field.error(
                "\(field.path) must expect one thing, and expects \(kinds.count)",
                remedy: "write it like `expect: {text: hello}`")
        }
        switch name {
        case "text": kind = .text(try Verb.template(value))
        case "json": kind = .text(try Template(JSONText.of(value)) { value.error($0) })
        case "contains": kind = .contains(try Verb.template(value))
        case "closed": kind = .closed(code: value.isEmpty ? nil : try value.integer(1000...4999))
        case "nothing": kind = .nothing
        case "sequence": kind = .sequence(try NumberedMessages(value))
        default: kind = .message
        }
    }
}

extension Backoff {
    init(_ field: Field?) throws {
        self.init()
        guard let fields = try field?.mapping(["backoff", "first", "cap", "tries"]) else { return }
        if let name = fields["backoff"] {
            model = Model(rawValue: try name.word(Model.allCases.map(\.rawValue))) ?? model
        }
        first = try fields["first"]?.duration() ?? first
        cap = try fields["cap"]?.duration() ?? max(cap, first)
        tries = try fields["tries"]?.integer(1...10_000) ?? tries
        if cap < first, let place = fields["cap"] { throw place.error("`cap` is shorter than `first`") }
    }
}
