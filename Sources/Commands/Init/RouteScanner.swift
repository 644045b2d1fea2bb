/// Finds WebSocket routes in the text of Python modules, without running them: the strings that stand in
/// `path("…", Consumer.as_asgi())`, `re_path`, Starlette's `WebSocketRoute("…")` and `@app.websocket("…")`.
///
/// Routes that a program computes are not seen. One thread, any text.
struct RouteScanner {
    private let text: [UInt8]
    private var position = 0
    private var line = 1
    private var depth = 0
    /// Routers that are being read, with the depth of their parentheses and the path before theirs.
    private var prefixes: [(depth: Int, path: String)] = []
    private var found: [(pattern: String, isRegularExpression: Bool, line: Int)] = []

    private init(_ text: String) { self.text = Array(text.utf8) }

    /// The routes of a module with their lines; what cannot be filled in is told as a remark.
    static func routes(in text: String, file: String) -> (routes: [Project.Route], remarks: [String]) {
        var scanner = RouteScanner(text)
        scanner.scan()
        var (routes, remarks): ([Project.Route], [String]) = ([], [])
        for route in scanner.found {
            let place = "\(file):\(route.line)"
            if let path = RoutePattern.example(of: route.pattern, isRegularExpression: route.isRegularExpression) {
                routes.append(.init(path: path, place: place))
            } else {
                remarks.append("\(place): no example of `\(route.pattern)` could be made; add its path to the scenario")
            }
        }
        return (routes, remarks)
    }

    private static let words = ["re_path", "path", "WebSocketRoute", "websocket_route", "websocket"]

    private mutating func scan() {
        while let byte = current {
            switch byte {
            case UInt8(ascii: "#"): while let byte = current, byte != UInt8(ascii: "\n") { advance() }
            case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = string()
            case UInt8(ascii: "("):
                depth += 1
                advance()
            case UInt8(ascii: ")"):
                depth -= 1
                while let last = prefixes.last, last.depth > depth { prefixes.removeLast() }
                advance()
            case _ where Self.isWord(byte): word()
            default: advance()
            }
        }
    }

    /// Reads a word, and the route that it begins, if it does.
    private mutating func word() {
        let start = position
        while let byte = current, Self.isWord(byte) { advance() }
        let name = String(decoding: text[start..<position], as: UTF8.self)
        guard Self.words.contains(name), current == UInt8(ascii: "(") else { return }
        // Django's `path` takes what follows; the decorator `@app.websocket` nothing but the path.
        depth += 1
        advance()
        skipSpace()
        if current == UInt8(ascii: "r") || current == UInt8(ascii: "R") { advance() }
        let here = line
        guard let pattern = string() else { return }
        let isDjango = name.hasSuffix("path")
        guard isDjango else {
            found.append((pattern, false, here))
            return
        }
        let target = targetAfterComma()
        if target.contains("URLRouter") {
            prefixes.append((depth, (prefixes.last?.path ?? "") + pattern))
        } else if target.contains("as_asgi") {
            found.append(((prefixes.last?.path ?? "") + pattern, name == "re_path", here))
        }
    }

    /// What a route leads to: the text up to its first call's parenthesis, in which `as_asgi` or `URLRouter` stands.
    private func targetAfterComma() -> String {
        let rest = text[position..<min(text.count, position + 300)]
        return String(decoding: rest.prefix { $0 != UInt8(ascii: "(") }, as: UTF8.self)
    }

    /// A string in quotes, without them; `nil` where none begins, or it spans lines.
    private mutating func string() -> String? {
        guard let quote = current, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        if position + 2 < text.count, text[position + 1] == quote, text[position + 2] == quote {
            // A docstring: to its end.
            for _ in 0..<3 { advance() }
            while position + 2 < text.count,
                !(text[position] == quote && text[position + 1] == quote && text[position + 2] == quote)
            { advance() }
            for _ in 0..<3 { advance() }
            return nil
        }
        advance()
        let start = position
        while let byte = current, byte != quote, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "\\") { advance() }
            advance()
        }
        guard current == quote else { return nil }
        let content = String(decoding: text[start..<position], as: UTF8.self)
        advance()
        return content
    }

    private var current: UInt8? { position < text.count ? text[position] : nil }

    private mutating func advance() {
        guard position < text.count else { return }
        if text[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 10 || byte == 13 || byte == 9 { advance() }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// A route's pattern, and a path that it matches.
enum RoutePattern {
    /// A path that the pattern matches; `nil` when none can be made without understanding more of it.
    static func example(of pattern: String, isRegularExpression: Bool) -> String? {
        var path = ""
        var rest = pattern[...]
        if isRegularExpression {
            if rest.first == "^" { rest.removeFirst() }
            if rest.last == "$" { rest.removeLast() }
        }
        while let character = rest.first {
            switch character {
            case "<" where !isRegularExpression, "{" where !isRegularExpression:
                guard let end = rest.firstIndex(of: character == "<" ? ">" : "}") else { return nil }
                path += value(of: rest[..<end])
                rest = rest[rest.index(after: end)...]
            case "(" where isRegularExpression:
                guard let end = groupEnd(in: rest) else { return nil }
                path += value(of: rest[..<end])
                rest = rest[rest.index(after: end)...].drop { $0 == "?" || $0 == "+" || $0 == "*" }
            case "\\" where isRegularExpression:
                guard let next = rest.dropFirst().first, !next.isLetter, !next.isNumber else { return nil }
                path.append(next)
                rest = rest.dropFirst(2)
            case "?" where isRegularExpression: rest.removeFirst()
            case _ where isRegularExpression && "[]|*+.{}".contains(character): return nil
            default:
                path.append(character)
                rest.removeFirst()
            }
        }
        guard path.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "\"" && $0 != "$" }) else { return nil }
        return path.hasPrefix("/") ? path : "/" + path
    }

    /// The parenthesis that ends the group with which `text` begins.
    private static func groupEnd(in text: Substring) -> Substring.Index? {
        var depth = 0
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    private static func value(of parameter: Substring) -> String {
        if parameter.contains("uuid") { return "00000000-0000-4000-8000-000000000001" }
        let isNumber = ["int:", ":int", "\\d", "0-9", ":float"].contains { parameter.contains($0) }
        return isNumber ? "1" : "example"
    }
}
