public import TargetMemory

extension ObjectReader {
    /// Most objects that a census walks.
    public static let objectLimit = 20_000_000

    /// The collector's generations, youngest first.
    public static let generations = 0..<3

    /// Counts the live objects of one generation that the garbage collector tracks, by the address of their type.
    ///
    /// - Returns: `nil` when a collection is under way, or the list changed while it was walked: its end was not found.
    public func trackedObjects(generation: Int, interpreter: RemoteAddress) throws(RemoteReadError) -> [RemoteAddress:
        Int]?
    {
        let collector = interpreter &+ UInt64(layout.interpreter.collector)
        guard try int32(collector, layout.collector.collecting) == 0 else { return nil }
        guard let head = try generationHead(generation, collector) else { return nil }
        var counts: [RemoteAddress: Int] = [:]
        var total = 0
        var node = try word(head) & ~3
        var header = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        // A list that was cut and joined while it was read may never come back to its head: Brent's hare and tortoise,
        // one comparison a step.
        var (tortoise, steps, power) = (node, 0, 1)
        while node != head, node != 0 {
            guard total < Self.objectLimit else { return nil }
            try withUnsafeMutableBytes(of: &header) { (buffer) throws(RemoteReadError) in
                // PyGC_Head {next, previous} and PyObject {count, type} in one read.
                try memory.read(at: node, into: buffer)
            }
            counts[header.3, default: 0] += 1
            total += 1
            node = header.0 & ~3
            if node == tortoise { return nil }
            steps += 1
            if steps == power { (tortoise, steps, power) = (node, 0, power * 2) }
        }
        return node == 0 ? nil : counts
    }

    /// The head of a generation's list: at the table's place, or four bytes before it where the compiler left out the
    /// padding (Debian's 3.13.5). Its neighbours must point back at it.
    private func generationHead(_ generation: Int, _ collector: RemoteAddress) throws(RemoteReadError) -> RemoteAddress?
    {
        for padding in [0, 4] {
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
