import Yams

/// JSON out of YAML values: `json: {type: chat, n: 1}` sends `{"type":"chat","n":1}`.
enum JSONText {
    /// The text, with the keys in their order; places (`${…}`) stay.
    static func of(_ field: Field, depth: Int = 0) throws(ScenarioError) -> String {
        guard depth < 64 else { throw field.error("\(field.path) is nested more than 64 deep") }
        switch field.node {
        case .mapping:
            var parts: [String] = []
            for entry in try field.entries() {
                parts.append(quoted(entry.name) + ":" + (try of(entry.value, depth: depth + 1)))
            }
            return "{" + parts.joined(separator: ",") + "}"
        case .sequence:
            var parts: [String] = []
            for item in try field.list() { parts.append(try of(item, depth: depth + 1)) }
            return "[" + parts.joined(separator: ",") + "]"
        case .scalar(let scalar):
            if scalar.style == .plain, isLiteral(scalar.string) { return scalar.string }
            if scalar.style == .plain, scalar.string.isEmpty || scalar.string == "~" { return "null" }
            return quoted(scalar.string)
        case .alias: throw field.error("\(field.path) is an alias of nothing")
        }
    }

    /// `true`, `null`, or a number as JSON writes it (RFC 8259 §6).
    private static func isLiteral(_ text: String) -> Bool {
        if ["true", "false", "null"].contains(text) { return true }
        let digits = text.drop { $0 == "-" }
        guard let first = digits.first, first.isNumber, Double(text) != nil, !text.contains("x") else { return false }
        return digits.count == 1 || first != "0" || digits.dropFirst().first == "."
    }

    /// Text in quotes, as JSON and YAML both read it: what YAML takes for a line end or does not print is escaped too (YAML 1.2 §5.1, 5.4).
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0}"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
