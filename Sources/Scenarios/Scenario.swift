public import Observations

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
    /// How long a proxy before the server lets connections be silent; `nil` without such a proxy.
    public var proxyIdle: Nanoseconds?
    /// Kinds of clients and what they do, by name.
    public var clients: [String: [Step]]
    /// What happens, in order.
    public var phases: [Phase]
    /// Codes of the findings that must be found, and no others; `nil` when none are stated.
    public var expectedFindings: [String]?

    /// The same, where only clients, the server's log and its end are seen; `nil` when none are stated.
    public var expectedOutside: [String]?

    /// Whether there has to be a proxy between clients and server.
    public var needsProxy: Bool { proxyIdle != nil || phases.contains { $0.cut != nil } }

    /// Most clients that any phase can have at once.
    public var mostClients: Int { phases.map(\.mostClients).max() ?? 0 }

    /// Most bytes of a scenario, or of a budget.
    public static let sizeLimit = 1 << 20

    /// A scenario of nothing yet.
    init(name: String, seed: UInt64) {
        (self.name, self.seed, path, clients, phases) = (name, seed, "/", [:], [])
    }

    /// Reads a scenario.
    ///
    /// - Throws: `ScenarioError`, with line and column.
    public init(yaml text: String) throws(ScenarioError) {
        let root = try Document.compose(text)
        do {
            try self.init(try Field(root, path: "", budget: Field.Budget()))
        } catch let error as ScenarioError {
            throw error
        } catch {
            throw ScenarioError(String(describing: error), line: 1, column: 1)
        }
    }

    private init(_ field: Field) throws {
        let fields = try field.mapping(["scenario", "seed", "path", "proxy", "clients", "phases", "expect"])
        name = try fields.required("scenario", example: "swallowed stop").text()
        seed = UInt64(try fields["seed"]?.integer(0...Int.max) ?? 1)
        path = try fields["path"]?.text() ?? "/"
        guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw (fields["path"] ?? field).error("a path begins with / and has no white space")
        }
        proxyIdle = try fields["proxy"]?.mapping(["idle"]).required("idle", example: "60 s").duration()
        var clients: [String: [Step]] = [:]
        for (name, value) in try fields["clients"]?.entries() ?? [] {
            clients[name] = try value.list().map { try Verb.step($0) }
            try Script.check(clients[name] ?? [], value)
        }
        self.clients = clients
        let phases = try fields.required("phases", example: "[…]")
        self.phases = try phases.list().map { try Phase($0, clients: clients.keys.sorted()) }
        guard !self.phases.isEmpty else { throw phases.error("a scenario has at least one phase") }
        let expected = try fields["expect"]?.mapping(["findings", "outside"])
        expectedFindings = try expected?["findings"]?.listOrOne().map { try Self.code($0) }
        expectedOutside = try expected?["outside"]?.listOrOne().map { try Self.code($0) }
    }

    static func code(_ field: Field) throws(ScenarioError) -> String {
        let code = try field.text()
        guard code.count == 5, code.hasPrefix("LS"), code.dropFirst(2).allSatisfy({ $0.isASCII && $0.isNumber }) else {
            throw field.expected("the code of a finding", example: "LS001")
        }
        return code
    }
}
