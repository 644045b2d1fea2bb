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

    private init(_ name: String, _ unit: Unit, _ summary: String, byConsumer: Bool = false, needsServer: Bool = true) {
        (self.name, self.unit, self.summary) = (name, unit, summary)
        (self.byConsumer, self.needsServer) = (byConsumer, needsServer)
    }

    /// All of them.
    public static let all: [Metric] = server + clients

    /// The metric of a name.
    public static func named(_ name: some StringProtocol) -> Metric? { all.first { $0.name == name } }

    private static let server = [
        Metric("consumers.alive", .count, "consumer instances alive", byConsumer: true),
        Metric("consumers.stuck", .count, "consumer instances that outlived their connection", byConsumer: true),
        Metric("tasks.growth", .count, "tasks more than before the first client"),
        Metric("tasks.leaked", .count, "tasks of consumers whose connection is closed", byConsumer: true),
        Metric("fds.growth", .count, "descriptors more than before the first client"),
        Metric("threads.growth", .count, "threads more than before the first client"),
        Metric("loops.growth", .count, "event loops more than before the first client"),
        Metric("groups.leaked", .count, "group memberships of consumers that are gone", byConsumer: true),
        Metric("disconnects.per_instance", .count, "most disconnects delivered to one instance", byConsumer: true),
        Metric("cpu.percent", .percent, "CPU of the server once it has settled"),
        Metric("rss.growth", .bytes, "resident memory more than before the first client"),
        Metric("exit.seconds", .seconds, "from SIGTERM to the end of a launched server"),
        Metric("findings", .count, "findings of any severity"),
    ]

    private static let clients: [Metric] = {
        let counts = [
            ("clients.opened", "WebSockets that were opened"), ("clients.refused", "handshakes that were refused"),
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
