/// A verb of the language: its name, what it does, an example, and how its argument is read.
///
/// One table for the parser, the help and the published schema: a verb that is in one is in all.
public struct Verb: Sendable {
    /// The name.
    public let name: String
    /// What it does, in a line.
    public let summary: String
    /// An example, as it stands in a scenario.
    public let example: String
    /// Whether it may stand alone, without an argument.
    public let standsAlone: Bool
    /// Whether no good client does it.
    public var isMisbehaviour: Bool { Self.bad.contains { $0.name == name } }
    /// Reads the argument; `nil` when the verb stands alone.
    let read: @Sendable (Field?, Field) throws -> Step

    init(
        _ name: String, _ summary: String, example: String, standsAlone: Bool = false,
        read: @escaping @Sendable (Field?, Field) throws -> Step
    ) {
        (self.name, self.summary, self.example, self.standsAlone) = (name, summary, example, standsAlone)
        self.read = read
    }

    /// Verbs of a good client, then verbs of misbehaviour.
    public static let all = good + bad

    /// Reads one step.
    static func step(_ field: Field) throws -> Step {
        let name: String
        let argument: Field?
        if field.isScalar {
            (name, argument) = (try field.text(), nil)
        } else {
            let entries = try field.entries()
            guard entries.count == 1, let only = entries.first else {
                throw field.error(
                    "\(field.path) must be one step, and has \(entries.count) names",
                    remedy: "begin each step with `- `: `- send: {text: hello}`")
            }
            (name, argument) = (only.name, only.value.isEmpty ? nil : only.value)
        }
        guard let verb = all.first(where: { $0.name == name }) else {
            let near = nearest(to: name, among: all.map(\.name)).map { "did you mean `\($0)`? " } ?? ""
            throw field.error(
                "there is no step `\(name.prefix(60))`",
                remedy: near + "there are: \(all.map(\.name).joined(separator: ", "))")
        }
        guard argument != nil || verb.standsAlone else {
            throw field.error("`\(name)` says nothing", remedy: "write it like `- \(verb.example)`")
        }
        return try verb.read(argument, field)
    }
}
