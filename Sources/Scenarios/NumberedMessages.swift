/// JSON messages whose field counts up by one, and what a server promises about them. What a client has seen survives a reconnect, so a
/// server that catches up is told from one that does not, and one that delivers again from one that delivers once.
public struct NumberedMessages: Hashable, Sendable {
    /// What must be true of their delivery.
    public enum Delivery: String, Hashable, Sendable, CaseIterable {
        /// None is missing, none comes twice.
        case exactlyOnce = "exactly-once"
        /// None is missing. Those that come again are not counted as new.
        case atLeastOnce = "at-least-once"
        /// None comes twice.
        case atMostOnce = "at-most-once"
    }

    /// How far the step waits.
    public enum End: Hashable, Sendable {
        /// For so many messages.
        case count(Int)
        /// Until this number, and all before it that were promised, have come.
        case through(Int)
    }

    /// The field that counts.
    public var field: String
    /// How far.
    public var end: End
    /// The number of the first that is due; `nil` takes the first that comes for it.
    public var first: Int?
    /// What is demanded; `nil` only counts what is lost and what comes twice.
    public var delivery: Delivery?

    /// Largest number, either way: sums over all clients stay far from the end of an integer.
    public static let bound = -1_000_000_000_000...1_000_000_000_000
}

extension NumberedMessages {
    init(_ field: Field) throws {
        let fields = try field.mapping(["field", "count", "through", "from", "delivery"])
        self.field = try fields.required("field", example: "seq").text()
        switch (fields["count"], fields["through"]) {
        case (let count?, nil): end = .count(try count.integer(1...1_000_000))
        case (nil, let through?): end = .through(try through.integer(Self.bound))
        default:
            throw field.error(
                "\(field.path) waits for a `count` of messages, or for them `through` a number: one of the two",
                remedy: "write it like `{field: seq, count: 10}`")
        }
        first = try fields["from"]?.integer(Self.bound)
        delivery = try fields["delivery"].flatMap { Delivery(rawValue: try $0.word(Delivery.allCases.map(\.rawValue))) }
        if case .through(let through) = end, let first, through < first {
            throw fields["through"]?.error("`through` is less than `from`")
                ?? field.error("`through` is less than `from`")
        }
    }
}
