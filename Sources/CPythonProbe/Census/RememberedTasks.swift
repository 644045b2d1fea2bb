import CPythonLayouts
import RemoteProcess
import TargetMemory

/// The facts of tasks that stood still at the last census. Those whose memory has not changed since are as true now.
///
/// Not a guess: everything that was read for them is compared with what it was, the task's own object first, so that
/// another task in its place is another task. What they share (types, code objects) is compared by those who begin a
/// census; see `CensusTaker`. One thread.
struct RememberedTasks {
    private struct Entry {
        var facts: TaskFacts
        var footprint: Footprint
        /// Of what was told of sets of many members only the answers are compared.
        var memberships: [Membership]
    }

    /// Most tasks that are remembered: some 30 MB of them.
    private static let limit = 1 << 16

    /// By the addresses of their tasks, ascending.
    private var last: [Entry] = []
    private var next: [Entry] = []
    private var place = 0

    /// Begins a census, whose tasks come in the order of their addresses.
    mutating func begin() {
        (last, next) = (next, [])
        next.reserveCapacity(last.count)
        place = 0
    }

    /// Forgets everything.
    mutating func removeAll() {
        last.removeAll()
        next.removeAll()
        place = 0
    }

    /// What is known of a task, if it is as it was.
    mutating func facts(
        of task: RemoteAddress, _ snapshot: PageSnapshot<ProcessMemory>, _ reader: ObjectReader
    ) throws(RemoteReadError) -> TaskFacts? {
        while place < last.count, last[place].facts.task.address < task { place += 1 }
        guard place < last.count, last[place].facts.task.address == task,
            try snapshot.isUnchanged(last[place].footprint)
        else { return nil }
        for membership in last[place].memberships where try !reader.isStillTrue(membership) { return nil }
        next.append(last[place])
        return last[place].facts
    }

    /// Remembers the facts of a task that were just read.
    mutating func remember(_ facts: TaskFacts, _ footprint: Footprint, _ memberships: [Membership]) {
        guard next.count < Self.limit else { return }
        next.append(Entry(facts: facts, footprint: footprint, memberships: memberships))
    }
}
