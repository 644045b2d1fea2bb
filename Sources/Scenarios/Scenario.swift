import Yams

/// A connection scenario: kinds of clients, the phases in which they come, and what must hold. A value; read from YAML.
///
/// The language is described in `docs/formats/scenario.md`, its schema is `docs/formats/scenario.schema.json`.
public struct Scenario: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Everything that is left to chance follows from it.
    public var seed: UInt64
    /// The path of steps that name none.
    public var path: String
    /// Kinds of clients and what they do, by name.
    public var clients: [String: [Step]]
    /// What happens, in order.
    public var phases: [Phase]
    /// Codes of the findings that must be found, and no others; `nil` when none are stated.
    public var expectedFindings: [String]?

    /// Most bytes of a scenario.
    public static let sizeLimit = 1 << 20
    /// Deepest nesting of a scenario.
    public static let depthLimit = 64

    /// Reads a scenario.
    ///
    /// - Throws: `ScenarioError`, with line and column.
    public init(yaml text: String) throws(ScenarioError) {
        guard text.utf8.count <= Self.sizeLimit else {
            throw ScenarioError("the scenario is larger than 1 MiB", line: 1, column: 1)
        }
        let root = try Self.compose(text)
        do {
            try self.init(try Field(root, path: "", budget: Field.Budget()))
        } catch let error as ScenarioError {
            throw error
        } catch {
            throw ScenarioError(String(describing: error), line: 1, column: 1)
        }
    }

    private init(_ field: Field) throws {
        let fields = try field.mapping(["scenario", "seed", "path", "clients", "phases", "expect"])
        name = try fields.required("scenario", example: "swallowed stop").text()
        seed = UInt64(try fields["seed"]?.integer(0...Int.max) ?? 1)
        path = try fields["path"]?.text() ?? "/"
        guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw (fields["path"] ?? field).error("a path begins with / and has no white space")
        }
        var clients: [String: [Step]] = [:]
        for (name, value) in try fields["clients"]?.entries() ?? [] {
            clients[name] = try value.list().map { try Verb.step($0) }
            try Script.check(clients[name] ?? [], value)
        }
        self.clients = clients
        let phases = try fields.required("phases", example: "[…]")
        self.phases = try phases.list().map { try Phase($0, clients: clients.keys.sorted()) }
        guard !self.phases.isEmpty else { throw phases.error("a scenario has at least one phase") }
        expectedFindings = try fields["expect"]?.mapping(["findings"])["findings"]?.listOrOne().map {
            try Self.code($0)
        }
    }

    private static func code(_ field: Field) throws(ScenarioError) -> String {
        let code = try field.text()
        guard code.count == 5, code.hasPrefix("LS"), code.dropFirst(2).allSatisfy({ $0.isASCII && $0.isNumber }) else {
            throw field.expected("the code of a finding", example: "LS001")
        }
        return code
    }

    /// The document as nodes.
    private static func compose(_ text: String) throws(ScenarioError) -> Node {
        if let place = nesting(of: text) {
            throw ScenarioError("the scenario is nested more than \(depthLimit) deep", line: place, column: 1)
        }
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw ScenarioError(
                    "the scenario is empty", remedy: "see `loopscope replay --example`", line: 1, column: 1)
            }
            return node
        } catch let error as ScenarioError {
            throw error
        } catch let error as YamlError {
            throw ScenarioError(error)
        } catch {
            throw ScenarioError("this is no YAML: \(error)", line: 1, column: 1)
        }
    }

    /// The line in which brackets or indentation nest deeper than `depthLimit`: a composer that calls itself for each
    /// level would run out of stack. Brackets within quotes count too, which is strict and does no harm.
    private static func nesting(of text: String) -> Int? {
        var (depth, line, dashes, atStart, indent) = (0, 1, 0, true, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): (line, dashes, atStart, indent) = (line + 1, 0, true, 0)
            case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, atStart) = (depth + 1, false)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): (depth, atStart) = (max(0, depth - 1), false)
            case UInt8(ascii: " ") where atStart: indent += 1
            case UInt8(ascii: "-") where atStart, UInt8(ascii: "?") where atStart:
                (dashes, indent) = (dashes + 1, indent + 1)
            default: atStart = false
            }
            if depth > depthLimit || dashes > depthLimit || (atStart && indent > 8 * depthLimit) { return line }
        }
        return nil
    }
}

extension ScenarioError {
    /// What the YAML parser complains of, in its place.
    init(_ error: YamlError) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init("this is no YAML: \(problem)", line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                "`\(duplicates.first ?? "")` stands twice in one mapping", line: context.mark.line,
                column: context.mark.column)
        default: self.init("this is no YAML: \(error)", line: 1, column: 1)
        }
    }
}
