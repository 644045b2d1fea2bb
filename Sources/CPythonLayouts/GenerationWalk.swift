import TargetMemory

/// A walk along one of the collector's lists, which may change under way.
///
/// internal/pycore_gc.h `PyGC_Head`: next and previous, then the object: reference count and type. Objects are added at
/// the list's end and taken out anywhere.
struct GenerationWalk {
    /// An object of the list.
    private struct Node {
        var address: RemoteAddress
        var type: RemoteAddress
    }

    /// How far back the walk can go when the objects it came from were taken out.
    private static let trailLimit = 64
    /// Reads of the live process, at most: 50 ms of them.
    private static let liveLimit = 50_000

    /// Objects seen, by the address of their type.
    private(set) var counts: [RemoteAddress: Int] = [:]
    private let head: RemoteAddress
    private let live: any RemoteMemory
    private var liveReads = 0
    private var total = 0
    /// The last objects seen, the latest last; the head stands before the first.
    private var trail: [Node] = []
    private var forgotten = 0

    init(from head: RemoteAddress, live: any RemoteMemory) {
        self.head = head
        self.live = live
        trail.reserveCapacity(2 * Self.trailLimit)
    }

    /// Walks to the end, first over `memory`.
    ///
    /// - Returns: `false` when the end was not found.
    mutating func run(_ memory: any RemoteMemory, otherHeads: Set<RemoteAddress>) throws(RemoteReadError) -> Bool {
        guard var node = (try? header(of: head, memory))?.next else { return false }
        while node != head {
            guard total < ObjectReader.objectLimit, !otherHeads.contains(node) else { return false }
            let here = trail.last?.address ?? head
            if let found = try? header(of: node, memory), found.previous == here {
                step(to: Node(address: node, type: found.type))
                node = found.next
            } else if let next = try goOn(from: here) {
                node = next
            } else {
                return false
            }
        }
        return true
    }

    /// The object after the last one that is still in the list, as the process has it now, when it leads back.
    private mutating func goOn(from start: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        while liveReads < Self.liveLimit {
            let here = trail.last?.address ?? head
            let before = trail.count > 1 ? trail[trail.count - 2].address : forgotten > 0 ? nil : head
            let now = try readLive(here)
            // The head's previous is the list's end.
            guard let now, here == head || now.previous == (before ?? now.previous) else {
                guard retreat() else { return nil }
                continue
            }
            if now.next == head { return head }
            if let next = try readLive(now.next), next.previous == here {
                step(to: Node(address: now.next, type: next.type))
                return next.next
            }
        }
        return nil
    }

    private mutating func readLive(
        _ node: RemoteAddress
    ) throws(RemoteReadError) -> (next: RemoteAddress, previous: RemoteAddress, type: RemoteAddress)? {
        liveReads += 1
        do throws(RemoteReadError) { return try header(of: node, live) } catch {
            if case .unmapped = error { return nil }
            throw error
        }
    }

    private mutating func step(to node: Node) {
        counts[node.type, default: 0] += 1
        total += 1
        trail.append(node)
        if trail.count == 2 * Self.trailLimit {
            trail.removeFirst(Self.trailLimit)
            forgotten += Self.trailLimit
        }
    }

    /// Takes back the last object: it is not in the list any more.
    private mutating func retreat() -> Bool {
        guard let last = trail.popLast() else { return false }
        total -= 1
        counts[last.type, default: 1] -= 1
        return !trail.isEmpty || forgotten == 0
    }

    /// The two lowest bits of both links are the collector's flags.
    private func header(
        of node: RemoteAddress, _ memory: any RemoteMemory
    ) throws(RemoteReadError) -> (next: RemoteAddress, previous: RemoteAddress, type: RemoteAddress) {
        var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        try withUnsafeMutableBytes(of: &words) { (buffer) throws(RemoteReadError) in
            try memory.read(at: node, into: buffer)
        }
        return (words.0 & ~3, words.1 & ~3, words.3)
    }
}
