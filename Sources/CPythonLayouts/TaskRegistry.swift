public import TargetMemory

// Where asyncio keeps note of its tasks: weak sets of the module `asyncio.tasks` (Lib/asyncio/tasks.py), and lists linked
// through the tasks themselves (3.14 and later, Modules/_asynciomodule.c).
//
// They change with every task that begins or ends, thousands of times a second in a loop that does not stop. A task that
// was there all the time is found whatever happens beside it.
extension ObjectReader {
    /// Most tasks that are enumerated.
    public static let taskLimit = 1 << 20

    /// How often what changes is read, at most, until it stands still.
    private static let registryTries = 16

    /// Where an interpreter's tasks are, each once, ascending: objects made one after the other lie together. That they
    /// are tasks has not been looked at, and some may be gone; where `isWhole` is not true, some may be missing.
    ///
    /// What changes all the time is read from `live`, the target's memory as it is; all else as this reader reads.
    public func taskAddresses(
        of asyncio: AsyncioModule, interpreter: RemoteAddress, live: any RemoteMemory
    ) throws(RemoteReadError) -> (addresses: [RemoteAddress], isWhole: Bool) {
        var (addresses, isWhole): ([RemoteAddress], Bool) = ([], true)
        for (name, isWeak) in [("_all_tasks", true), ("_scheduled_tasks", true), ("_eager_tasks", false)] {
            guard let value = try value(name, in: asyncio.namespace) else { continue }
            guard isWeak else {
                addresses += try changingSet(value, live, &isWhole) ?? []
                continue
            }
            guard let data = try attribute("data", of: value) else { continue }
            for reference in try changingSet(data, live, &isWhole) ?? [] {
                // A reference may be gone since the set was read.
                addresses.append(try ifThere { () throws(RemoteReadError) in try referent(reference) } ?? 0)
            }
        }
        addresses += try linkedTasks(interpreter: interpreter, live, &isWhole)
        addresses.sort()
        var last: RemoteAddress = 0
        addresses.removeAll { address in
            defer { last = address }
            return address == last
        }
        return (addresses, isWhole)
    }

    /// The members of a set that is changed while it is read: as of one instant, or else all that were seen.
    ///
    /// Include/setobject.h (cpython 3.9 to 3.15): fill at 16, used at 24, mask at 32, table at 40. A table that is being
    /// filled anew has fewer members than the set.
    private func changingSet(
        _ object: RemoteAddress, _ live: any RemoteMemory, _ isWhole: inout Bool
    ) throws(RemoteReadError) -> [RemoteAddress]? {
        guard object != 0, let type = try type(of: object), type.isSet else { return nil }
        var seen: Set<RemoteAddress> = []
        for _ in 0..<Self.registryTries {
            let before = try SetHead(at: object, live)
            guard before.mask < Self.taskLimit else { throw .outOfBounds(address: object, count: Self.taskLimit) }
            guard let (members, after) = try before.members(at: object, live) else { continue }
            if after == before, UInt64(members.count) == before.used { return members }
            seen.formUnion(members)
        }
        isWhole = false
        return Array(seen)
    }

    /// Tasks from 3.14 on: lists linked through the tasks, one per thread and one for threads that ended.
    private func linkedTasks(
        interpreter: RemoteAddress, _ live: any RemoteMemory, _ isWhole: inout Bool
    ) throws(RemoteReadError) -> [RemoteAddress] {
        guard let node = layout.task.node, let ofThread = layout.thread.tasksHead,
            let ofInterpreter = layout.interpreter.tasksHead
        else { return [] }
        var heads = try threads(interpreter: interpreter).map { $0.state &+ UInt64(ofThread) }
        heads.append(interpreter &+ UInt64(ofInterpreter))
        var tasks: Set<RemoteAddress> = []
        for head in heads {
            var hasEnded = false
            for _ in 0..<Self.registryTries where !hasEnded {
                var walk = LinkWalk(from: head, live: live, NodeTally())
                // Where a thread has ended meanwhile, its tasks went over to the interpreter's list.
                hasEnded = try walk.run(memory, otherHeads: Set(heads).subtracting([head]))
                tasks.formUnion(walk.tally.nodes)
            }
            isWhole = isWhole && hasEnded
        }
        return tasks.map { $0 &- UInt64(node) }
    }
}

/// The part of a set object that tells its table.
private struct SetHead: Hashable {
    var fill, used, mask, table: UInt64

    init(_ words: [UInt64]) { (fill, used, mask, table) = (words[0], words[1], words[2], words[3]) }

    init(at object: RemoteAddress, _ memory: any RemoteMemory) throws(RemoteReadError) {
        let range = MemoryRange(address: object &+ 16, count: 32)
        guard let words = try memory.words(in: [range]) else { throw .unmapped(address: object, count: 32) }
        self.init(words)
    }

    /// The members in the table, and the head as it is after it was read; `nil` when the table is gone.
    func members(
        at object: RemoteAddress, _ memory: any RemoteMemory
    ) throws(RemoteReadError) -> (members: [RemoteAddress], after: SetHead)? {
        let slots = 2 * (Int(mask) + 1)
        let ranges = [
            MemoryRange(address: table, count: UInt64(8 * slots)), MemoryRange(address: object &+ 16, count: 32),
        ]
        guard let words = try memory.words(in: ranges) else { return nil }
        // {key, hash}: an empty slot has no key, a deleted one has a dummy with hash -1.
        let members = stride(from: 0, to: slots, by: 2).compactMap { place in
            words[place] != 0 && words[place + 1] != .max ? words[place] : nil
        }
        return (members, SetHead(Array(words[slots...])))
    }
}

extension RemoteMemory {
    /// The words of ranges, read one after the other in one call; `nil` when they cannot all be read.
    fileprivate func words(in ranges: [MemoryRange]) throws(RemoteReadError) -> [UInt64]? {
        let bytes = ranges.reduce(0) { $0 + Int($1.count) }
        var words = [UInt64](repeating: 0, count: bytes / 8)
        // Array's closure is untyped (`rethrows`): the error is carried out by value.
        let read = words.withUnsafeMutableBytes { buffer -> Result<Int, RemoteReadError> in
            do throws(RemoteReadError) { return .success(try gather(ranges, into: buffer)) } catch {
                return .failure(error)
            }
        }
        return try read.get() == bytes ? words : nil
    }
}

/// The nodes of a list, in its order.
private struct NodeTally: LinkTally {
    var nodes: [RemoteAddress] = []

    mutating func add(_ node: LinkNode) { nodes.append(node.address) }
    mutating func remove(_ node: LinkNode) { nodes.removeLast() }
}
