/// Text with places that are filled in for each client: `hello ${client}, ${random.hex(8)}`.
public struct Template: Hashable, Sendable {
    /// A piece of it.
    enum Piece: Hashable, Sendable {
        case text(String)
        /// Number of the client, from 0.
        case client
        /// Number of the message this client sends, from 0.
        case sequence
        /// The last number of a sequence that this client has seen, 0 before the first.
        case last
        /// Random hexadecimal digits.
        case hex(Int)
        /// A random whole number within bounds.
        case integer(ClosedRange<Int>)
    }

    let pieces: [Piece]

    /// Text without places.
    public init(literal: String) { pieces = literal.isEmpty ? [] : [.text(literal)] }

    /// Reads a template; `nil` and what is wrong when a place is not known.
    init(_ source: String, _ complain: (String) -> ScenarioError) throws(ScenarioError) {
        var pieces: [Piece] = []
        var rest = Substring(source)
        while let start = rest.firstRange(of: "${") {
            if start.lowerBound > rest.startIndex { pieces.append(.text(String(rest[..<start.lowerBound]))) }
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else { throw complain("`${` is never closed") }
            pieces.append(try Self.place(rest[..<end], complain))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        // Texts side by side are one, however they were written.
        self.pieces = pieces.reduce(into: []) { joined, piece in
            if case .text(let next) = piece, case .text(let last)? = joined.last {
                joined[joined.count - 1] = .text(last + next)
            } else {
                joined.append(piece)
            }
        }
    }

    /// A text whose `${` are no places: `${$}{`.
    static func escaped(_ text: String) -> String { text.replacing("${", with: "${$}{") }

    private static func place(
        _ name: Substring, _ complain: (String) -> ScenarioError
    ) throws(ScenarioError) -> Piece {
        switch name {
        case "client": return .client
        case "seq": return .sequence
        case "last": return .last
        case "$": return .text("$")
        default: break
        }
        if let count = name.arguments(of: "random.hex")?.first, (1...4096).contains(count) { return .hex(count) }
        if let bounds = name.arguments(of: "random.int"), bounds.count == 2, bounds[0] <= bounds[1] {
            return .integer(bounds[0]...bounds[1])
        }
        throw complain(
            "there is no `${\(name.prefix(40))}`; there are ${client}, ${seq}, ${last}, ${random.hex(8)}, ${random.int(1,6)}, and ${$} for a dollar sign"
        )
    }

    /// The text for one client and message.
    public func text(
        client: Int, sequence: Int, last: Int = 0, using generator: inout some RandomNumberGenerator
    ) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let literal): text += literal
            case .client: text += String(client)
            case .sequence: text += String(sequence)
            case .last: text += String(last)
            case .hex(let count):
                for _ in 0..<count { text += String(UInt8.random(in: 0...15, using: &generator), radix: 16) }
            case .integer(let range): text += String(Int.random(in: range, using: &generator))
            }
        }
        return text
    }
}

extension Substring {
    /// The whole numbers in `name(1,2)`; `nil` when it is not a call of `name`.
    fileprivate func arguments(of name: String) -> [Int]? {
        guard hasPrefix(name + "("), last == ")" else { return nil }
        let inner = dropFirst(name.count + 1).dropLast()
        let numbers = inner.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0.filter { $0 != " " })
        }
        return numbers.contains(nil) ? nil : numbers.compactMap(\.self)
    }
}
