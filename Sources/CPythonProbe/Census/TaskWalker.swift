import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import TargetMemory

/// A task with the chain of coroutines it runs.
struct WalkedTask {
    var task: PythonTask
    var chain: CoroutineChain
}

/// Goes through the asyncio tasks of a process over page snapshots.
///
/// One snapshot serves all tasks that stand still. Those that moved while they were read (a task that runs, a
/// chain that does not fit together) are read again over a small fresh one, which takes some 30 µs and so most often
/// sees one instant. Those that have not changed since the last time are not read at all.
///
/// One thread.
final class TaskWalker {
    /// Tasks that are read again, at most; how often those that run, and those whose chain does not fit together.
    private static let (againLimit, tries, triesWhenTorn) = (64, 6, 16)
    /// Between the later ones.
    private static let pause = Nanoseconds.microseconds(500)
    /// Memory for pages. Tasks come in the order of their addresses, so that their objects are near each other's.
    private static let room = 16 << 20

    let process: PythonProcess
    let codes = CodeTable.withRoles(comparesTexts: true)
    let examiner: TaskExaminer
    private let snapshot: PageSnapshot<ProcessMemory>
    private let small: PageSnapshot<ProcessMemory>
    private let reader: ObjectReader
    private var remembered = RememberedTasks()
    /// Tasks that were read in this census, rather than remembered.
    private(set) var tasksRead = 0

    init(_ process: PythonProcess, _ sources: TargetSources) {
        self.process = process
        snapshot = PageSnapshot(of: process.memory, limit: Self.room, tracksChanges: true)
        small = PageSnapshot(of: process.memory, limit: 1 << 20)
        reader = ObjectReader(snapshot, layout: process.layout)
        examiner = TaskExaminer(process, sources)
    }

    /// Begins a census: a reader of memory as it is from now on. What was concluded from types and code objects is
    /// forgotten when one of them is not what it was.
    func begin() -> ObjectReader {
        snapshot.reset()
        codes.beginWalk()
        let areTypesTheSame = reader.recheckTypes()
        if !areTypesTheSame || !examiner.chains.isStillTrue(codes, reader) {
            remembered.removeAll()
            examiner.forget()
        }
        return reader
    }

    /// The facts of all tasks.
    func facts() throws(RemoteReadError) -> [TaskFacts] {
        var addresses: [RemoteAddress] = []
        for interpreter in process.interpreters {
            guard let asyncio = try reader.asyncio(interpreter: interpreter) else { continue }
            addresses += try self.addresses(of: asyncio, interpreter: interpreter)
        }
        if process.interpreters.count > 1 { addresses.sort() }
        try snapshot.refresh()
        tasksRead = 0
        remembered.begin()
        var facts: [TaskFacts] = []
        facts.reserveCapacity(addresses.count)
        var again = Self.againLimit
        for address in addresses {
            do throws(RemoteReadError) {
                if let known = try remembered.facts(of: address, snapshot, reader) {
                    facts.append(known)
                } else if let found = try examine(address, &again) {
                    facts.append(found)
                }
            } catch {
                // A task may end, or its memory be used anew, at any time: one that cannot be read is passed over.
                if !error.isOfPlace { throw error }
            }
        }
        // The last one's may not have been taken: noted is what a task is read from, and nothing else.
        _ = snapshot.takeFootprint()
        return facts
    }

    /// Where tasks are. A target that has no processor may stand still in the middle of a change, for milliseconds.
    private func addresses(
        of asyncio: AsyncioModule, interpreter: RemoteAddress
    ) throws(RemoteReadError) -> [RemoteAddress] {
        for _ in 1..<Self.tries {
            let found = try reader.taskAddresses(of: asyncio, interpreter: interpreter, live: process.memory)
            if found.isWhole { return found.addresses }
            Moment.sleep(until: .now() + Self.pause)
        }
        return try reader.taskAddresses(of: asyncio, interpreter: interpreter, live: process.memory).addresses
    }

    /// Reads a task, and remembers it if it stands still.
    private func examine(_ address: RemoteAddress, _ again: inout Int) throws(RemoteReadError) -> TaskFacts? {
        tasksRead += 1
        snapshot.beginFootprint()
        _ = reader.takeAnswers()
        guard let task = try reader.task(address) else { return nil }
        let chain = try reader.chain(of: task.coroutine, codes)
        if task.state == .pending, !isSettled(chain), again > 0 {
            again -= 1
            let (best, seenBy) = readAgain(task, chain, reader)
            return try certainFacts(of: WalkedTask(task: task, chain: best), seenBy)
        }
        let facts = try certainFacts(of: WalkedTask(task: task, chain: chain), reader)
        if facts.server == nil, isSettled(chain), !examiner.hasReadLive, let footprint = snapshot.takeFootprint() {
            remembered.remember(facts, footprint, reader.takeAnswers())
        }
        return facts
    }

    /// The facts of a task as far as they can be read: where the inner coroutines are gone by now, those of the outer ones,
    /// that a consumer's task keeps all its life.
    private func certainFacts(of walked: WalkedTask, _ reader: ObjectReader) throws(RemoteReadError) -> TaskFacts {
        var walked = walked
        while !walked.chain.links.isEmpty {
            let facts = try ifThere { () throws(RemoteReadError) in try examiner.facts(of: walked, reader) }
            if let facts { return facts }
            walked.chain.cutInnermost()
        }
        return try examiner.facts(of: walked, reader)
    }

    /// The chain of a task as it is in this census.
    func chain(of task: PythonTask) throws(RemoteReadError) -> CoroutineChain {
        try reader.chain(of: task.coroutine, codes)
    }

    private func isSettled(_ chain: CoroutineChain) -> Bool { chain.isWhole && !chain.isExecuting }

    /// Reads a moving chain until it is seen whole and waiting; else keeps the longest that was seen, whose locals are
    /// then read from the process itself.
    private func readAgain(
        _ task: PythonTask, _ first: CoroutineChain, _ reader: ObjectReader
    ) -> (CoroutineChain, ObjectReader) {
        var best = first
        for attempt in 0..<Self.triesWhenTorn {
            if attempt >= Self.tries {
                if best.isWhole { break }
                Moment.sleep(until: .now() + Self.pause)
            }
            small.reset()
            let fresh = ObjectReader(small, layout: process.layout)
            guard let chain = try? fresh.chain(of: task.coroutine, codes),
                chain.links.count >= best.links.count || chain.isWhole && !best.isWhole && chain.serves(as: best)
            else { continue }
            best = chain
            if isSettled(chain) { return (chain, fresh) }
        }
        return (best, ObjectReader(process.memory, layout: process.layout))
    }
}

extension CoroutineChain {
    /// Whether it has a dispatch loop if another of its task has: a consumer's task keeps that all its life, so a chain
    /// that ends before it was put together of two moments.
    fileprivate func serves(as other: CoroutineChain) -> Bool { hasLoop || !other.hasLoop }

    private var hasLoop: Bool { links.contains { $0.frame.code.role.contains(.dispatchLoop) } }
}
