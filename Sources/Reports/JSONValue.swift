/// A JSON value with its keys in the order they were written, so that a report can be compared as text.
public enum JSONValue: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// `null`: what could not be had.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number; not finite ones become `null`.
    case double(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([JSONValue])
    /// Names and values, in order.
    case object([(key: String, value: JSONValue)])

    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// A list.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Names and values, in order.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }

    /// A whole number, or `null`.
    public init(_ value: Int?) { self = value.map(JSONValue.int) ?? .null }
    /// A number rounded to `places` decimals, or `null`.
    public init(_ value: Double?, places: Int = 3) {
        guard let value, value.isFinite else {
            self = .null
            return
        }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        self = .double(rounded.isFinite ? rounded : value)
    }
    /// A text, or `null`.
    public init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }

    /// Equal when they would be written alike.
    public static func == (left: JSONValue, right: JSONValue) -> Bool { left.text() == right.text() }
    /// Hashes what would be written.
    public func hash(into hasher: inout Hasher) { hasher.combine(text()) }

    /// An object with more entries; anything else as it is.
    public func adding(_ entries: [(String, JSONValue)]) -> JSONValue {
        guard case .object(let own) = self else { return self }
        return .object(own + entries.map { (key: $0.0, value: $0.1) })
    }

    /// The value as JSON text (RFC 8259), indented by two spaces, or on one line.
    ///
    /// `<`, U+2028 and U+2029 are escaped too, so that the text may stand inside a script element.
    public func text(pretty: Bool = false) -> String {
        var out = ""
        write(to: &out, indent: pretty ? 0 : nil)
        return out
    }

    private func write(to out: inout String, indent: Int?) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .int(let value): out += String(value)
        case .double(let value): out += Self.number(value)
        case .string(let value): Self.quote(value, into: &out)
        case .array(let values):
            Self.write(values.count, open: "[", close: "]", to: &out, indent: indent) { index, out, inner in
                values[index].write(to: &out, indent: inner)
            }
        case .object(let members):
            Self.write(members.count, open: "{", close: "}", to: &out, indent: indent) { index, out, inner in
                Self.quote(members[index].key, into: &out)
                out += inner == nil ? ":" : ": "
                members[index].value.write(to: &out, indent: inner)
            }
        }
    }

    private static func write(
        _ count: Int, open: String, close: String, to out: inout String, indent: Int?,
        member: (Int, inout String, Int?) -> Void
    ) {
        out += open
        let inner = indent.map { $0 + 1 }
        for index in 0..<count {
            if index > 0 { out += "," }
            if let inner { out += "\n" + String(repeating: "  ", count: inner) }
            member(index, &out, inner)
        }
        if let indent, count > 0 { out += "\n" + String(repeating: "  ", count: indent) }
        out += close
    }

    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) + ".0" : text
    }

    private static func quote(_ text: String, into out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _
            where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar == "<"
                || (0x2028...0x202E).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
