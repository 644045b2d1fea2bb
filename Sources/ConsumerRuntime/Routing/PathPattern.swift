/// A pattern of Django's `path()`: literal text and converters in angle brackets.
struct PathPattern: Sendable {
    /// What a parameter may be (django/urls/converters.py).
    enum Converter: String, Sendable {
        case str, int, slug, uuid, path

        func accepts(_ character: Character) -> Bool {
            switch self {
            case .str: character != "/"
            case .int: ("0"..."9").contains(character)
            case .slug:
                character.isASCII && (character.isLetter || character.isNumber || character == "-" || character == "_")
            case .uuid: ("0"..."9").contains(character) || ("a"..."f").contains(character) || character == "-"
            case .path: true
            }
        }
    }

    private enum Part {
        case literal(String)
        case parameter(name: String, Converter)
    }

    /// The pattern as it was written.
    let text: String
    private let parts: [Part]

    init(_ text: String) {
        self.text = text
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            if open > rest.startIndex { parts.append(.literal(String(rest[..<open]))) }
            let inside = rest[rest.index(after: open)..<close].split(separator: ":", maxSplits: 1)
            let converter = inside.count == 2 ? Converter(rawValue: String(inside[0])) : .str
            parts.append(.parameter(name: String(inside.last ?? ""), converter ?? .str))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.literal(String(rest))) }
        self.parts = parts
    }

    /// Matches a path without its leading slash; the whole of it unless `isPrefix`.
    ///
    /// A parameter takes as much as it can and gives back nothing: `<a><b>` never matches, as no one writes it.
    func match(_ path: Substring, isPrefix: Bool) -> (parameters: [String: String], rest: Substring)? {
        var rest = path
        var parameters: [String: String] = [:]
        for (index, part) in parts.enumerated() {
            switch part {
            case .literal(let text):
                guard rest.hasPrefix(text) else { return nil }
                rest = rest.dropFirst(text.count)
            case .parameter(let name, let converter):
                var value = rest.prefix(while: converter.accepts)
                if converter != .path, case .literal(let next)? = parts.dropFirst(index + 1).first,
                    let stop = value.firstRange(of: next)
                {
                    value = value[..<stop.lowerBound]
                }
                guard !value.isEmpty else { return nil }
                parameters[name] = String(value)
                rest = rest[value.endIndex...]
            }
        }
        return rest.isEmpty || isPrefix ? (parameters, rest) : nil
    }
}
