import Observations

/// Consumers of one class that an error ended before they were told of their disconnect: their clean-up never ran.
///
/// Exact evidence only: the steps of each connection, and the last dispatch of its instance.
public struct Failure: Hashable, Sendable {
    /// The consumer class.
    public var consumer: String
    /// The type of the message whose handler threw; `nil` when it is not known.
    public var message: String?
    /// The error's type.
    public var error: String?
    /// How many instances.
    public var count: Int

    /// Finds them, most frequent first.
    static func find(connections: [ConnectionEvent], dispatches: [DispatchEvent]) -> [Failure] {
        struct Key: Hashable {
            var pid: Int32
            var connection: UInt64
        }
        struct Kind: Hashable {
            var consumer: String
            var message: String?
            var error: String?
        }
        var last: [Key: DispatchEvent] = [:]
        var told: Set<Key> = []
        for event in dispatches {
            let key = Key(pid: event.pid, connection: event.connection)
            if ["websocket.disconnect", "http.disconnect"].contains(event.message) { told.insert(key) }
            if event.time >= last[key]?.time ?? event.time { last[key] = event }
        }
        var counts: [Kind: Int] = [:]
        for event in connections where event.step == .ended && event.outcome == .threw {
            let key = Key(pid: event.pid, connection: event.connection)
            guard let consumer = event.consumer, !told.contains(key) else { continue }
            let dispatch = last[key].flatMap { $0.outcome == .threw ? $0 : nil }
            counts[Kind(consumer: consumer, message: dispatch?.message, error: event.error), default: 0] += 1
        }
        return counts.map { kind, count in
            Failure(consumer: kind.consumer, message: kind.message, error: kind.error, count: count)
        }.sorted { ($0.count, $1.consumer, $1.message ?? "") > ($1.count, $0.consumer, $0.message ?? "") }
    }
}
