import Yams

/// What a change may cost: rules over metrics, and findings that are known and borne for a time.
///
/// The format is described in `docs/formats/budget.md`.
public struct Budget: Hashable, Sendable {
    /// A rule over one metric.
    public struct Rule: Hashable, Sendable {
        /// What the value is held against.
        public enum Limit: Hashable, Sendable {
            /// At most.
            case max(Double)
            /// At least.
            case min(Double)
            /// Exactly.
            case equal(Double)
            /// At most so many percent more than the baseline's.
            case regression(percent: Double)
        }

        /// The metric.
        public var metric: Metric
        /// One consumer class; `nil` for all together.
        public var consumer: String?
        /// Whether the value is divided by the number of WebSockets that were opened.
        public var perConnection: Bool
        /// What must hold.
        public var limits: [Limit]

        /// A rule.
        public init(_ metric: Metric, consumer: String? = nil, perConnection: Bool = false, limits: [Limit]) {
            (self.metric, self.consumer, self.perConnection, self.limits) = (metric, consumer, perConnection, limits)
        }

        /// `tasks.growth per connection`, `consumers.stuck{chat.Chat}`.
        public var subject: String { measured + (perConnection ? " per connection" : "") }
        /// What is measured for it: `tasks.growth`.
        public var measured: String { metric.name + (consumer.map { "{\($0)}" } ?? "") }

        /// Whether it needs a baseline.
        public var needsBaseline: Bool {
            limits.contains { if case .regression = $0 { true } else { false } }
        }
    }

    /// A finding that is known and borne until a day.
    public struct Suppression: Hashable, Sendable {
        /// Its code.
        public var code: String
        /// The consumer class; `nil` for all.
        public var consumer: String?
        /// Why it is borne.
        public var reason: String
        /// The last day on which it is.
        public var until: CalendarDay
        /// Where it stands in the budget.
        public var line: Int

        /// Whether it is meant by a finding.
        public func covers(code: String, consumer: String?) -> Bool {
            self.code == code && (self.consumer == nil || self.consumer == consumer)
        }
    }

    /// The rules.
    public var rules: [Rule]
    /// What is borne.
    public var suppressions: [Suppression]
    /// Whether somebody wrote it: what a written rule needs and nobody could measure makes a gate inconclusive.
    public var isWritten: Bool

    /// The budget of those who wrote none: nothing may stay behind, whatever the clients did; an instance is told of its
    /// disconnect once, and a request of a WSGI server may cost one event loop, the price of asynchronous code there.
    public static let nothingStays = Budget(
        rules: [
            ("consumers.stuck", 0), ("tasks.leaked", 0), ("tasks.growth", 0), ("fds.growth", 0), ("threads.growth", 0),
            ("loops.growth", 0), ("loops.per_request", 1), ("groups.leaked", 0), ("disconnects.per_instance", 1),
            ("clients.failed", 0),
        ].compactMap { name, most in Metric.named(name).map { Rule($0, limits: [.max(most)]) } },
        suppressions: [], isWritten: false)

    /// A budget.
    public init(rules: [Rule], suppressions: [Suppression], isWritten: Bool) {
        (self.rules, self.suppressions, self.isWritten) = (rules, suppressions, isWritten)
    }

    /// Reads a budget.
    ///
    /// - Throws: `ScenarioError`, with line and column.
    public init(yaml text: String) throws(ScenarioError) {
        let root = try Document.compose(text)
        do {
            let fields = try Field(root, path: "", budget: Field.Budget()).mapping(["rules", "suppress"])
            rules = try fields["rules"]?.list().map { try Rule($0) } ?? Self.nothingStays.rules
            suppressions = try fields["suppress"]?.list().map { try Suppression($0) } ?? []
            isWritten = fields["rules"] != nil
            var seen: Set<String> = []
            for (index, rule) in rules.enumerated() where !seen.insert(rule.subject).inserted {
                let places = try fields["rules"]?.list() ?? []
                throw places[index].error("`\(rule.subject)` has two rules", remedy: "put both limits into one rule")
            }
        } catch let error as ScenarioError {
            throw error
        } catch {
            throw ScenarioError(String(describing: error), line: 1, column: 1)
        }
    }
}

extension Budget.Rule {
    init(_ field: Field) throws {
        let fields = try field.mapping(["metric", "consumer", "per", "max", "min", "equal", "regression"])
        let place = try fields.required("metric", example: "tasks.growth")
        metric = try Check.metric(named: try place.text(), place)
        consumer = try fields["consumer"]?.text()
        if consumer != nil, !metric.byConsumer, let place = fields["consumer"] {
            throw place.error("`\(metric.name)` is not known by consumer class", remedy: "leave out `consumer`")
        }
        perConnection = try fields["per"]?.word(["connection"]) == "connection"
        var limits: [Limit] = []
        let metric = self.metric
        func bound(_ name: String) throws -> Double? {
            guard let field = fields[name] else { return nil }
            return try Check.bound(try field.text(), of: metric.unit, named: metric.name, field)
        }
        let (low, high, exact) = (try bound("min"), try bound("max"), try bound("equal"))
        if let low, let high, low > high { throw field.error("`min` is more than `max`: nothing can be both") }
        if exact != nil, low != nil || high != nil { throw field.error("`equal` says all that `min` and `max` could") }
        if let high { limits.append(.max(high)) }
        if let low { limits.append(.min(low)) }
        if let exact { limits.append(.equal(exact)) }
        if let place = fields["regression"] {
            let text = try place.text().filter { $0 != " " && $0 != "%" }
            guard let percent = Double(text), percent >= 0, percent <= 10_000 else {
                throw place.expected("percent over the baseline", example: "5 %")
            }
            limits.append(.regression(percent: percent))
        }
        guard !limits.isEmpty else { throw field.error("the rule limits nothing", remedy: "add `max: 0`") }
        self.limits = limits
    }
}

extension Budget.Suppression {
    init(_ field: Field) throws {
        let fields = try field.mapping(["finding", "consumer", "reason", "until"])
        code = try Scenario.code(try fields.required("finding", example: "LS101"))
        consumer = try fields["consumer"]?.text()
        let place = try fields.required("reason", example: "ticket 123")
        reason = try place.text()
        guard !reason.trimmed.isEmpty else { throw place.error("a suppression needs a reason") }
        let day = try fields.required("until", example: "2027-01-31")
        guard let date = CalendarDay(try day.text()) else { throw day.expected("a day", example: "2027-01-31") }
        until = date
        line = field.node.mark?.line ?? 1
    }
}
