public import Observations

/// Memberships in the groups of a channel layer that no consumer has any more, seen to stay.
public struct StaleMembers: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The layer as last seen.
    public var layer: LayerCensus
    /// The fewest there were in the censuses of the last second or more.
    public var count: Int
    /// How long they were watched.
    public var length: Nanoseconds
    /// How it was obtained.
    public var grade: Grade

    /// How long a membership must be stale: a consumer that ends leaves its groups a moment before or after.
    static let settled = Nanoseconds.seconds(1)

    /// Finds them; layers whose groups are not in memory are left out.
    static func find(in censuses: [ConnectionCensus]) -> [StaleMembers] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { pid, mine -> [StaleMembers] in
            guard let last = mine.last, let before = mine.last(where: { last.time - $0.time >= settled }) else {
                return []
            }
            let recent = mine.filter { $0.time >= before.time }
            return last.layers.compactMap { layer in
                guard layer.stale != nil else { return nil }
                let counts = recent.map { census in
                    census.layers.first { $0.alias == layer.alias && $0.layer == layer.layer }?.stale ?? 0
                }
                return StaleMembers(
                    pid: pid, layer: layer, count: counts.min() ?? 0, length: last.time - before.time,
                    grade: last.grade)
            }
        }
    }
}
