/// What a check or a budget can speak of. A name that is not here is an error, never a pass.
public struct Metric: Hashable, Sendable {
    /// What its numbers count.
    public enum Unit: String, Hashable, Sendable {
        /// A number of things.
        case count
        /// A length of time, in seconds.
        case seconds
        /// Percent of one core.
        case percent
        /// Bytes.
        case bytes
    }

    /// The name: `consumers.stuck`.
    public let name: String
    /// The unit of its values.
    public let unit: Unit
    /// What it is, in a line.
    public let summary: String
    /// Whether it may be asked for one consumer class.
    public let byConsumer: Bool
    /// Whether it comes from watching the server; else the clients know it.
    public let needsServer: Bool
    /// Whether a healthy server may have none of what it counts, so that there is nothing to measure: a server under
    /// ASGI makes no loops for its requests. No default rule misses it then.
    public let mayBeAbsent: Bool

    private init(
        _ name: String, _ unit: Unit, _ summary: String, byConsumer: Bool = false, needsServer: Bool = true,
        mayBeAbsent: Bool = false
    ) {
        (self.name, self.unit, self.summary) = (name, unit, summary)
        (self.byConsumer, self.needsServer, self.mayBeAbsent) = (byConsumer, needsServer, mayBeAbsent)
    }

    /// Whether it counts what is there now, and not what is there more than before the measured round.
    public var countsFromStart: Bool { byConsumer && unit == .count }

    /// All of them.
    public static let all: [Metric] = server + clients

    /// The metric of a name.
    public static func named(_ name: some StringProtocol) -> Metric? { all.first { $0.name == name } }

    private static let server = [
        Metric("consumers.alive", .count, "consumer instances alive", byConsumer: true),
        Metric("consumers.growth", .count, "consumer instances more than before the first client"),
        Metric("consumers.stuck", .count, "consumer instances that outlived their connection", byConsumer: true),
        Metric("tasks.growth", .count, "tasks more than before the first client"),
        Metric("tasks.leaked", .count, "tasks of consumers whose connection is closed", byConsumer: true),
        Metric("fds.growth", .count, "descriptors more than before the first client"),
        Metric("threads.growth", .count, "threads more than before the first client"),
        Metric("loops.growth", .count, "event loops more than before the first client"),
        Metric(
            "loops.per_request", .count, "event loops that a WSGI server makes and throws away for one request",
            mayBeAbsent: true),
        Metric("groups.growth", .count, "group memberships more than before the first client", mayBeAbsent: true),
        Metric(
            "groups.leaked", .count, "group memberships of consumers that are gone", byConsumer: true, mayBeAbsent: true
        ),
        Metric(
            "disconnects.per_instance", .count, "most disconnects delivered to one instance", byConsumer: true,
            mayBeAbsent: true),
        Metric(
            "dispatches.per_message", .count, "dispatches for each message that was not dispatched before (embedded)",
            mayBeAbsent: true),
        Metric("cpu.percent", .percent, "CPU of the server once it has settled"),
        Metric("rss.growth", .bytes, "resident memory more than before the first client"),
        Metric("exit.seconds", .seconds, "from SIGTERM to the end of a launched server"),
        Metric("findings", .count, "findings of any severity"),
    ]

    private static let clients: [Metric] = {
        let counts = [
            ("clients.opened", "WebSockets that were opened"), ("clients.refused", "handshakes that were refused"),
            ("connects.peak", "most handshakes begun within 100 ms"),
            ("clients.failed", "clients whose script did not end as it should"),
            ("messages.sent", "messages sent"), ("messages.received", "messages received"),
            ("messages.lost", "messages of a sequence that never came"),
            ("messages.duplicated", "messages of a sequence that came twice"),
        ].map { Metric($0, .count, $1, needsServer: false) }
        let times = [("connect", "opening a WebSocket"), ("latency", "from sending to what was expected")]
        return counts
            + times.flatMap { name, what in
                ["p50", "p90", "p99", "p999", "max"].map {
                    Metric(
                        "\(name).\($0)", .seconds, "\(what), \($0), corrected for coordinated omission",
                        needsServer: false)
                }
            }
    }()
}
