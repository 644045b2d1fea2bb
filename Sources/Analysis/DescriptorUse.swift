public import Observations

/// What a process's descriptors did over the session.
public struct DescriptorUse: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The first sample that counted kinds.
    public var first: ProcessSample
    /// The last.
    public var last: ProcessSample
    /// Kinds that never became fewer while observed and are more in the end, with how many more.
    public var growth: [String: Int]
    /// Sockets whose peer has closed them and the process has not: the fewest seen over the last four seconds.
    public var closeWait: Int
    /// How long it was watched.
    public var length: Nanoseconds

    /// Follows the descriptors of each process that listed them.
    static func find(in samples: [ProcessSample]) -> [DescriptorUse] {
        Dictionary(grouping: samples.filter { !$0.descriptorKinds.isEmpty }, by: \.pid).sorted { $0.key < $1.key }
            .compactMap { pid, mine in
                guard let first = mine.first, let last = mine.last else { return nil }
                var growth: [String: Int] = [:]
                for (kind, count) in last.kinds {
                    let counts = mine.map { $0.kinds[kind] ?? 0 }
                    let isRising = zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 }
                    if isRising, count > counts[0] { growth[kind] = count - counts[0] }
                }
                let recent = mine.filter { last.time - $0.time <= .seconds(4) }
                return DescriptorUse(
                    pid: pid, first: first, last: last, growth: growth,
                    closeWait: recent.map { $0.sockets["CLOSE_WAIT"] ?? 0 }.min() ?? 0, length: last.time - first.time)
            }
    }
}

extension ProcessSample {
    /// The kinds of its descriptors, with sockets told apart: those of a TCP connection have a state, others have none.
    fileprivate var kinds: [String: Int] {
        var kinds = descriptorKinds
        if let all = kinds.removeValue(forKey: "socket") {
            kinds["sockets without a TCP connection"] = max(0, all - sockets.values.reduce(0, +))
        }
        return kinds
    }
}
