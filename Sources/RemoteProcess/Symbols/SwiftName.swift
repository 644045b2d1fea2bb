import CSwiftRuntime
import Glibc

/// Names of functions as people write them.
public enum SwiftName {
    /// A symbol's name: Swift symbols demangled and shortened (`ChatConsumer.dispatch(_:)`), others as they are.
    public static func readable(_ symbol: String) -> String {
        demangled(symbol).map(shortened) ?? symbol
    }

    /// The full demangled form, or `nil` when it is not a Swift symbol.
    public static func demangled(_ symbol: String) -> String? {
        guard symbol.hasPrefix("$s") || symbol.hasPrefix("$S") || symbol.hasPrefix("_T"),
            let text = ls_swift_demangle(symbol, UInt64(symbol.utf8.count))
        else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// Cuts a demangled name down to what says where one is: no module, no types, no generics, labels kept; a part of
    /// an async function and a specialization count as the function itself.
    static func shortened(_ name: String) -> String {
        var text = Substring(name)
        if let suffix = text.firstRange(of: " with unmangled suffix ") { text = text[..<suffix.lowerBound] }
        var isStripping = true
        while isStripping {
            isStripping = false
            for prefix in prefixes where text.hasPrefix(prefix) {
                text = text.dropFirst(prefix.count)
                isStripping = true
            }
            if text.hasPrefix("("), let part = text.firstRange(of: "resume partial function for ") {
                text = text[part.upperBound...]
                isStripping = true
            }
            for special in ["generic specialization <", "function signature specialization <"]
            where text.hasPrefix(special) {
                guard let of = outside(text, find: " of ") else { break }
                text = text[of.upperBound...]
                isStripping = true
            }
        }
        if text.hasPrefix("protocol witness for "), let witness = text.firstRange(of: " in conformance ") {
            text = text[..<witness.lowerBound].dropFirst("protocol witness for ".count)
        }
        // A closure or a local function: its own name, then the function it is written in.
        if let number = text.firstRange(of: " #"), let place = outside(text, find: " in "),
            number.lowerBound < place.lowerBound
        {
            let head = text[..<place.lowerBound].prefix { $0 != "#" }
            let count = text[number.upperBound...].prefix { $0.isNumber }
            return "\(head)#\(count) in \(shortened(String(text[place.upperBound...])))"
        }
        return function(text)
    }

    private static let prefixes = [
        "static ", "class ", "@objc ", "@nonobjc ", "merged ", "specialized ", "dispatch thunk of ",
        "partial apply forwarder for ", "async function pointer to ", "partial apply for ", "isolated ", "override ",
    ]

    /// `Module.Type.name<A>(label: T, T) async -> R` as `Type.name(label:_:)`; a getter without its type.
    private static func function(_ text: Substring) -> String {
        for kind in [" infix(", " prefix(", " postfix("] {
            if let operation = text.firstRange(of: kind) { return withoutModule(text[..<operation.lowerBound]) }
        }
        var path = ""
        var rest = text
        while let next = rest.first {
            if next == "(" {
                let group = balanced(rest)
                let name = group.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
                guard group.hasPrefix("(extension in ") || group.dropFirst(1 + name.count).hasPrefix(" in _") else {
                    return withoutModule(path[...]) + labels(group.dropFirst().dropLast())
                }
                // `(Name in _0123)` is a private name, `(extension in Module):` says where code lies.
                if !group.hasPrefix("(extension in ") { path += name }
                rest = rest.dropFirst(group.count)
                if rest.first == ":" { rest = rest.dropFirst() }
            } else if next == "<" {
                rest = rest.dropFirst(balanced(rest).count)
            } else if next == " " {
                break
            } else {
                path.append(next)
                rest = rest.dropFirst()
            }
        }
        // `Type.name.getter : T` ends at the space; anything else with spaces is a phrase and stays whole.
        return rest.isEmpty || rest.hasPrefix(" : ") ? withoutModule(path[...]) : String(text)
    }

    private static func withoutModule(_ path: Substring) -> String {
        guard let dot = path.firstIndex(of: "."), path.index(after: dot) < path.endIndex else { return String(path) }
        return String(path[path.index(after: dot)...])
    }

    /// `label: T, T` as `(label:_:)`.
    private static func labels(_ parameters: Substring) -> String {
        guard !parameters.isEmpty else { return "()" }
        var labels = ""
        var rest = parameters
        while true {
            let end = outside(rest, find: ", ")
            let parameter = rest[..<(end?.lowerBound ?? rest.endIndex)]
            let label = parameter.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            labels += parameter.dropFirst(label.count).hasPrefix(": ") && !label.isEmpty ? "\(label):" : "_:"
            guard let end else { return "(\(labels))" }
            rest = rest[end.upperBound...]
        }
    }

    /// The first occurrence of `text` that is in no brackets.
    private static func outside(_ name: Substring, find text: String) -> Range<Substring.Index>? {
        var rest = name
        while let next = rest.first {
            if rest.hasPrefix(text) { return rest.startIndex..<rest.index(rest.startIndex, offsetBy: text.count) }
            rest = rest.dropFirst("([<".contains(next) ? balanced(rest).count : 1)
        }
        return nil
    }

    /// From an opening bracket to the one that closes it, or to the end. The `>` of an arrow closes nothing.
    private static func balanced(_ text: Substring) -> Substring {
        var depth = 0
        var last: Character = " "
        for index in text.indices {
            switch text[index] {
            case "(", "[", "<": depth += 1
            case ">" where last == "-": break
            case ")", "]", ">": depth -= 1
            default: break
            }
            if depth == 0 { return text[...index] }
            last = text[index]
        }
        return text
    }
}
