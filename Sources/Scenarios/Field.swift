import Observations
import Yams

/// One value of a document, with its place: everything that is read goes through here, so that every complaint has a
/// line and a column, and nothing is ever read that was not asked for.
struct Field {
    /// How much one document may hold, aliases expanded: a bomb of aliases ends here.
    final class Budget {
        static let limit = 100_000
        private var left = limit
        func spend() -> Bool {
            left -= 1
            return left >= 0
        }
    }

    let node: Node
    /// What it is called, for messages: `phases[2].arrivals`.
    let path: String
    private let budget: Budget

    init(_ node: Node, path: String, budget: Budget) throws(ScenarioError) {
        (self.node, self.path, self.budget) = (node, path, budget)
        guard budget.spend() else {
            throw error(
                "the document holds more than \(Budget.limit) values, aliases expanded", remedy: "make it smaller")
        }
    }

    /// An error about this value.
    func error(_ what: String, remedy: String? = nil) -> ScenarioError {
        ScenarioError(what, remedy: remedy, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }

    /// An error about the kind of this value.
    func expected(_ kind: String, example: String) -> ScenarioError {
        let found =
            switch node {
            case .scalar(let scalar): "`\(scalar.string.prefix(60))`"
            case .mapping: "a mapping"
            case .sequence: "a list"
            case .alias: "an alias"
            }
        return error("\(path) must be \(kind), and is \(found)", remedy: "write it like `\(example)`")
    }

    // MARK: Structures

    /// A mapping that may have these keys and no others.
    func mapping(_ keys: [String]) throws(ScenarioError) -> Fields {
        guard case .mapping(let mapping) = node else {
            throw expected("a mapping", example: "\(keys.first ?? "key"): …")
        }
        var fields: [String: Field] = [:]
        for (key, value) in mapping {
            guard let name = key.string else { throw expected("a mapping with names as keys", example: "name: …") }
            let field = try Field(value, path: path.isEmpty ? name : "\(path).\(name)", budget: budget)
            guard keys.contains(name) else {
                let line = key.mark?.line ?? 1
                let near = nearest(to: name, among: keys).map { "did you mean `\($0)`? " } ?? ""
                throw ScenarioError(
                    "there is no `\(name.prefix(60))` in \(path.isEmpty ? "a scenario" : path)",
                    remedy: near + "it may have: \(keys.joined(separator: ", "))", line: line,
                    column: key.mark?.column ?? 1)
            }
            fields[name] = field
        }
        return Fields(of: self, fields)
    }

    /// A mapping with keys of the user's own, in their order.
    func entries() throws(ScenarioError) -> [(name: String, value: Field)] {
        guard case .mapping(let mapping) = node else { throw expected("a mapping", example: "name: …") }
        var entries: [(name: String, value: Field)] = []
        for (key, value) in mapping {
            guard let name = key.string else { throw expected("a mapping with names as keys", example: "name: …") }
            entries.append((name, try Field(value, path: path.isEmpty ? name : "\(path).\(name)", budget: budget)))
        }
        return entries
    }

    /// A list.
    func list() throws(ScenarioError) -> [Field] {
        guard case .sequence(let sequence) = node else { throw expected("a list", example: "[…]") }
        var items: [Field] = []
        for (index, item) in sequence.enumerated() {
            items.append(try Field(item, path: "\(path)[\(index)]", budget: budget))
        }
        return items
    }

    /// A list, or one value that stands for a list of one.
    func listOrOne() throws(ScenarioError) -> [Field] {
        if case .sequence = node { return try list() }
        return [self]
    }

    /// Whether nothing stands there: `connect:` with nothing behind it.
    var isEmpty: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && (scalar.string.isEmpty || scalar.string == "null" || scalar.string == "~")
    }

    // MARK: Scalars

    /// Whether it is one, not a mapping or a list.
    var isScalar: Bool {
        if case .scalar = node { return true }
        return false
    }

    /// Whether it is one without quotes, which may be a number.
    var isPlain: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain
    }

    /// Whether it is a list.
    var isList: Bool {
        if case .sequence = node { return true }
        return false
    }

    /// Text, at most 64 KiB.
    func text() throws(ScenarioError) -> String {
        guard case .scalar(let scalar) = node, scalar.string.utf8.count <= 65_536 else {
            throw expected("text of at most 64 KiB", example: "hello")
        }
        return scalar.string
    }

    /// One of some words.
    func word(_ words: [String]) throws(ScenarioError) -> String {
        let text = try text()
        if words.contains(text) { return text }
        let near = nearest(to: text, among: words).map { "did you mean `\($0)`? " } ?? ""
        throw error(
            "\(path) cannot be `\(text.prefix(60))`", remedy: near + "it may be: \(words.joined(separator: ", "))")
    }

    /// A whole number within bounds.
    func integer(_ range: ClosedRange<Int>) throws(ScenarioError) -> Int {
        guard let number = Int(try text().filter { $0 != "_" }), range.contains(number) else {
            throw expected(
                "a whole number from \(range.lowerBound) to \(range.upperBound)", example: "\(range.lowerBound)")
        }
        return number
    }

    /// A length of time.
    func duration() throws(ScenarioError) -> Nanoseconds {
        guard let value = Quantities.duration(try text()) else {
            throw expected("a length of time of at most 30 days", example: "250 ms")
        }
        return value
    }

    /// Events a second.
    func rate() throws(ScenarioError) -> Double {
        guard let value = Quantities.rate(try text()), value > 0 else {
            throw expected("a rate of at most 1000000/s", example: "20/s")
        }
        return value
    }

    /// A number of bytes.
    func bytes() throws(ScenarioError) -> Int {
        guard let value = Quantities.bytes(try text()) else {
            throw expected("a number of bytes of at most 1 GiB", example: "64 KiB")
        }
        return value
    }
}

/// The fields of one mapping, by name.
struct Fields {
    /// The mapping.
    let whole: Field
    private let fields: [String: Field]

    init(of whole: Field, _ fields: [String: Field]) { (self.whole, self.fields) = (whole, fields) }

    subscript(name: String) -> Field? { fields[name] }

    /// A field that must be there.
    func required(_ name: String, example: String) throws(ScenarioError) -> Field {
        if let field = fields[name] { return field }
        throw whole.error(
            "\(whole.path.isEmpty ? "the scenario" : whole.path) has no `\(name)`", remedy: "add `\(name): \(example)`")
    }
}
