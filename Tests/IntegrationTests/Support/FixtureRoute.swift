import Foundation

/// A route of the application under test, out of `fixtures/servers/routes.json`.
struct FixtureRoute: Decodable, Sendable, CustomStringConvertible {
    let path: String
    /// The consumer's class as a finding should name it.
    let consumer: String
    /// The findings that the route deserves; nil for a clean one. LS001 and LS002 are faces of one defect: the server decides.
    let codes: [String]?
    let blame: Blame?
    /// The sick route of which this is the clean twin.
    let twinOf: String?
    let trigger: Trigger

    /// What has to happen for the defect to show.
    enum Trigger: String, Decodable, Sendable {
        case close, connect, open, message
        case messageAndClose = "message-close"
    }

    struct Blame: Decodable, Sendable {
        /// Qualified name.
        let function: String
        /// Below `fixtures/servers`.
        let file: String
        /// `# sick: MARKER` ends the `def` line; `# handler: MARKER` the `except` that swallows.
        let marker: String
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case consumer = "class"
        case codes, blame
        case twinOf = "twin_of"
        case trigger
    }

    var description: String { path }
    var isSick: Bool { codes != nil }

    static let all: [FixtureRoute] = {
        let file = Fixtures.servers.appendingPathComponent("routes.json")
        guard let data = try? Data(contentsOf: file) else { return [] }
        return (try? JSONDecoder().decode([FixtureRoute].self, from: data)) ?? []
    }()

    static func at(_ path: String) -> FixtureRoute? { all.first { $0.path == path } }
}

extension FixtureRoute.Blame {
    /// The line of the `def` to blame, 1-based; nil when the marker is not there exactly once.
    var line: Int? { lines(marked: "# sick: ").first }
    /// The line of the `except` that swallows, where there is one.
    var handlerLine: Int? { lines(marked: "# handler: ").first }

    /// Lines that end in a mark of this route.
    func lines(marked prefix: String) -> [Int] {
        let url = Fixtures.servers.appendingPathComponent(file)
        let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { $0.element.hasSuffix(prefix + marker) }.map { $0.offset + 1 }
    }
}
