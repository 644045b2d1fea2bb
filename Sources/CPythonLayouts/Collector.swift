public import TargetMemory

extension ObjectReader {
    /// Most objects that a census walks.
    public static let objectLimit = 20_000_000

    /// The collector's generations, youngest first.
    public static let generations = 0..<3

    /// Counts the live objects of one generation that the garbage collector tracks, by the address of their type.
    ///
    /// A busy target makes and frees objects all the time, at the end of the youngest list, while this walks. A link that
    /// does not lead back to where it came from is read again, from `live` (the process itself, where this reader is over
    /// a snapshot of it), and if need be the walk goes back to the last object that is still in the list.
    ///
    /// - Returns: `nil` when a collection is under way, or the list changed faster than it was walked.
    public func trackedObjects(
        generation: Int, interpreter: RemoteAddress, live: any RemoteMemory
    ) throws(RemoteReadError) -> [RemoteAddress: Int]? {
        let collector = interpreter &+ UInt64(layout.interpreter.collector)
        guard try int32(collector, layout.collector.collecting) == 0 else { return nil }
        var heads: [RemoteAddress] = []
        for number in Self.generations {
            guard let head = try generationHead(number, collector) else { return nil }
            heads.append(head)
        }
        guard heads.indices.contains(generation) else { return nil }
        var walk = LinkWalk(from: heads[generation], live: live, TypeTally())
        // Where a collection has joined the lists meanwhile, the walk ends at another one's head.
        let isWhole = try walk.run(memory, otherHeads: Set(heads).subtracting([heads[generation]]))
        return isWhole ? walk.tally.counts : nil
    }

    /// The head of a generation's list: at the table's place, or four bytes before it where the compiler left out the
    /// padding (Debian's 3.13.5). Its neighbours must point back at it.
    private func generationHead(_ generation: Int, _ collector: RemoteAddress) throws(RemoteReadError) -> RemoteAddress?
    {
        // The neighbours of the youngest change all the time.
        for padding in [0, 4, 0, 4, 0, 4, 0, 4] {
            let head = collector &+ UInt64(layout.collector.generations - padding + 24 * generation)
            // The two lowest bits are the collector's flags.
            let (next, previous) = (try word(head) & ~3, try word(head, 8) & ~3)
            if let back = try? word(next, 8), let forth = try? word(previous), back & ~3 == head, forth & ~3 == head {
                return head
            }
        }
        return nil
    }

    /// Live objects by the qualified name of their type, from `trackedObjects`.
    public func countsByName(_ counts: [RemoteAddress: Int]) -> [String: Int] {
        var names: [String: Int] = [:]
        for (address, count) in counts {
            guard let type = try? type(at: address), let name = try? qualifiedName(type) else { continue }
            names[name, default: 0] += count
        }
        return names
    }
}

/// Objects by the address of their type.
struct TypeTally: LinkTally {
    var counts: [RemoteAddress: Int] = [:]

    mutating func add(_ node: LinkNode) { counts[node.type, default: 0] += 1 }
    mutating func remove(_ node: LinkNode) { counts[node.type, default: 1] -= 1 }
}
