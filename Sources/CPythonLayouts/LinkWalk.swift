import TargetMemory

/// A node of a list that is linked through its objects: {next, previous}, circular through the head.
struct LinkNode: Hashable {
    /// Where it is.
    var address: RemoteAddress
    /// What lies 24 bytes behind it: the object's type in the collector's lists.
    var type: RemoteAddress
}

/// What is kept of the nodes that a walk comes by.
protocol LinkTally {
    /// Takes in the next node.
    mutating func add(_ node: LinkNode)
    /// Takes back the last one: it was not in the list any more.
    mutating func remove(_ node: LinkNode)
}

/// A walk along a linked list, which may change under way: objects are added at its end and taken out anywhere.
///
/// internal/pycore_gc.h `PyGC_Head`, internal/pycore_llist.h `llist_node`.
struct LinkWalk<Tally: LinkTally> {
    private typealias Node = LinkNode

    /// How far back the walk can go when the objects it came from were taken out.
    private static var trailLimit: Int { 64 }
    /// Reads of the live process, at most: 50 ms of them.
    private static var liveLimit: Int { 50_000 }

    /// What was seen.
    private(set) var tally: Tally
    private let head: RemoteAddress
    private let live: any RemoteMemory
    private var liveReads = 0
    private var total = 0
    /// The last objects seen, the latest last; the head stands before the first.
    private var trail: [Node] = []
    private var forgotten = 0

    init(from head: RemoteAddress, live: any RemoteMemory, _ tally: Tally) {
        self.tally = tally
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
        tally.add(node)
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
        tally.remove(last)
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
