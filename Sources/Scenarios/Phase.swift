public import Observations

/// A part of a scenario: who comes, for how long, and what must hold afterwards.
public struct Phase: Hashable, Sendable {
    /// How clients come.
    public enum Load: Hashable, Sendable {
        /// None.
        case none
        /// At their own times, whatever the server does (open model).
        case arrivals(Arrivals)
        /// Each at a time of its own.
        case visits([Visit])
        /// So many at once; one that ends is followed by another until the phase is over, if it has a length
        /// (closed model).
        case population(Int)
    }

    /// What is done to a server that loopscope launched.
    public enum ServerAction: String, Hashable, Sendable, CaseIterable {
        /// SIGTERM: what a deploy does.
        case terminate
        /// SIGSTOP: a host that hangs.
        case freeze
        /// SIGCONT.
        case thaw
    }

    /// A client and when it comes.
    public struct Visit: Hashable, Sendable {
        /// The kind.
        public var client: String
        /// When, from the start of the phase.
        public var offset: Nanoseconds
    }

    /// A kind of client and how many of all it makes.
    public struct Share: Hashable, Sendable {
        /// The kind.
        public var client: String
        /// Its weight among the others.
        public var weight: Int
    }

    /// Its name.
    public var name: String
    /// Who comes.
    public var clients: [Share]
    /// How they come.
    public var load: Load
    /// How long it lasts at most; `nil` until the clients have ended.
    public var duration: Nanoseconds?
    /// Whether it is over as soon as every finding that the scenario expects stands.
    public var endsWhenFound: Bool
    /// How long after its start a proxy cuts all connections at once, without a close frame; `nil` never.
    public var cut: Nanoseconds?
    /// What is done to a launched server at the start of the phase.
    public var server: ServerAction?
    /// How long to wait, at the end, until the server's populations stand still; `nil` not at all.
    public var settle: Nanoseconds?
    /// What must hold then.
    public var checks: [Check]

    /// Most clients that it can have at once: those of a population, or all that arrive.
    public var mostClients: Int {
        switch load {
        case .none: 0
        case .population(let count): count
        case .visits(let visits): visits.count
        case .arrivals(let arrivals): Int(arrivals.expected.rounded(.up))
        }
    }

    private static let keys = [
        "phase", "clients", "arrivals", "population", "visits", "for", "until", "cut", "server", "settle", "check",
    ]

    /// Most clients at once.
    public static let populationLimit = 60_000

    /// A phase in which clients come at times that are known.
    init(name: String, visits: [Visit], settle: Nanoseconds) {
        (self.name, clients, load, duration, endsWhenFound) = (name, [], .visits(visits), nil, false)
        cut = nil
        (server, self.settle, checks) = (nil, settle, [])
    }

    init(_ field: Field, clients known: [String]) throws {
        let fields = try field.mapping(Self.keys)
        name = try fields.required("phase", example: "churn").text()
        clients = try fields["clients"].map { try Self.shares($0, known: known) } ?? []
        load = try Self.load(fields, known: known)
        duration = try fields["for"]?.duration()
        endsWhenFound = try fields["until"]?.word(["found"]) != nil
        if let field = fields["until"], duration == nil {
            throw field.error("`until` needs a limit", remedy: "add `for: 15 s`")
        }
        cut = try fields["cut"]?.duration()
        server = try fields["server"].flatMap {
            ServerAction(rawValue: try $0.word(ServerAction.allCases.map(\.rawValue)))
        }
        settle = try fields["settle"]?.duration()
        checks = try fields["check"]?.listOrOne().map { (item) throws(ScenarioError) in try Check(item) } ?? []
        switch load {
        case .visits:
            guard clients.isEmpty else {
                throw field.error(
                    "phase `\(name)` names its clients twice: in `clients` and in `visits`",
                    remedy: "leave `clients` out")
            }
        case .none:
            guard clients.isEmpty else {
                throw field.error(
                    "phase `\(name)` has clients, and nothing says how they come",
                    remedy: "add `population: 10` or `arrivals: {rate: 10/s, for: 5 s}`")
            }
        default:
            guard !clients.isEmpty else {
                throw field.error(
                    "phase `\(name)` does not say which clients come", remedy: "add `clients: \(known.first ?? "NAME")`"
                )
            }
        }
    }

    private static func load(_ fields: Fields, known: [String]) throws -> Load {
        let ways = ["arrivals", "population", "visits"].compactMap { fields[$0] }
        if ways.count > 1, let both = ways.last {
            throw both.error("a phase has `arrivals`, a `population` or `visits`, not both")
        }
        if let field = fields["visits"] { return .visits(try visits(field, known: known)) }
        if let field = fields["population"] { return .population(try field.integer(1...populationLimit)) }
        guard let field = fields["arrivals"] else { return .none }
        let parts = try field.mapping(["rate", "from", "to", "for", "shape"])
        let length = try parts.required("for", example: "5 s").duration()
        let shape = try parts["shape"]?.word(Arrivals.Shape.allCases.map(\.rawValue)) ?? Arrivals.Shape.even.rawValue
        let arrivals: Arrivals
        if let rate = parts["rate"] {
            if let other = parts["from"] ?? parts["to"] {
                throw other.error("arrivals have a `rate`, or go `from` one `to` another, not both")
            }
            arrivals = Arrivals(from: try rate.rate(), for: length, shape: Arrivals.Shape(rawValue: shape) ?? .even)
        } else {
            arrivals = Arrivals(
                from: try parts.required("from", example: "1/s").rate(),
                to: try parts.required("to", example: "50/s").rate(),
                for: length, shape: Arrivals.Shape(rawValue: shape) ?? .even)
        }
        guard arrivals.expected <= Double(Arrivals.limit) else {
            throw field.error("these are \(Int(arrivals.expected)) clients, more than \(Arrivals.limit)")
        }
        return .arrivals(arrivals)
    }

    /// `[{client: NAME, at: 1 s, count: 3}]`.
    private static func visits(_ field: Field, known: [String]) throws -> [Visit] {
        var visits: [Visit] = []
        for item in try field.list() {
            let parts = try item.mapping(["client", "at", "count"])
            let client = try parts.required("client", example: known.first ?? "NAME").word(known)
            let visit = Visit(client: client, offset: try parts["at"]?.duration() ?? .zero)
            let count = try parts["count"]?.integer(1...Arrivals.limit) ?? 1
            guard visits.count + count <= Arrivals.limit else {
                throw item.error("these are more than \(Arrivals.limit) clients")
            }
            visits += Array(repeating: visit, count: count)
        }
        return visits
    }

    private static func shares(_ field: Field, known: [String]) throws -> [Share] {
        if field.isScalar { return [Share(client: try field.word(known), weight: 1)] }
        return try field.entries().map { name, value in
            guard known.contains(name) else {
                let near = nearest(to: name, among: known).map { "did you mean `\($0)`? " } ?? ""
                throw value.error(
                    "there is no client `\(name.prefix(60))`",
                    remedy: near + "there are: \(known.joined(separator: ", "))")
            }
            return Share(client: name, weight: try value.integer(1...1_000_000))
        }
    }
}
