import CPythonLayouts
import RemoteProcess
import TargetMemory

/// A task with the chain of coroutines it runs.
struct WalkedTask {
    var task: PythonTask
    var chain: CoroutineChain
}

/// Enumerates the asyncio tasks of a process over page snapshots.
///
/// One big snapshot serves all tasks that stand still. Those that moved while they were read (a task that runs, a
/// chain that does not fit together) are read again over a small fresh one, which takes some 30 µs and so most often
/// sees one instant.
///
/// One thread.
final class TaskWalker {
    /// Tasks that are read again, at most, and how often each.
    private static let (againLimit, tries) = (64, 6)

    let process: PythonProcess
    let codes = CodeTable()
    private let snapshot: PageSnapshot<ProcessMemory>
    private let small: PageSnapshot<ProcessMemory>

    init(_ process: PythonProcess) {
        self.process = process
        // A server with 10 000 connections has some 150 MB that a census looks at; what is not looked at takes no memory.
        snapshot = PageSnapshot(of: process.memory, limit: 256 << 20)
        small = PageSnapshot(of: process.memory, limit: 1 << 20)
    }

    /// Begins a census: a reader of memory as it is from now on.
    func begin() -> ObjectReader {
        snapshot.reset()
        codes.beginWalk()
        return ObjectReader(snapshot, layout: process.layout)
    }

    /// All tasks; each with the reader that saw it, for its locals.
    func walk(
        _ reader: ObjectReader, _ body: (WalkedTask, ObjectReader) throws(RemoteReadError) -> Void
    ) throws(RemoteReadError) {
        var again = Self.againLimit
        for interpreter in process.interpreters {
            guard let asyncio = try reader.asyncio(interpreter: interpreter) else { continue }
            for task in try reader.tasks(of: asyncio, interpreter: interpreter) {
                // A task may end, or its memory be used anew, at any time: one that cannot be read is passed over.
                guard let chain = try? reader.chain(of: task.coroutine, codes) else { continue }
                guard task.state == .pending, !isSettled(chain), again > 0 else {
                    try body(WalkedTask(task: task, chain: chain), reader)
                    continue
                }
                again -= 1
                let (best, seenBy) = readAgain(task, chain, reader)
                try body(WalkedTask(task: task, chain: best), seenBy)
            }
        }
    }

    private func isSettled(_ chain: CoroutineChain) -> Bool { chain.isWhole && !chain.isExecuting }

    /// Reads a moving chain until it is seen whole and waiting; else keeps the longest that was seen, whose locals are
    /// then read from the process itself.
    private func readAgain(
        _ task: PythonTask, _ first: CoroutineChain, _ reader: ObjectReader
    ) -> (CoroutineChain, ObjectReader) {
        var best = first
        for _ in 0..<Self.tries {
            small.reset()
            let fresh = ObjectReader(small, layout: process.layout)
            guard let chain = try? fresh.chain(of: task.coroutine, codes), chain.links.count >= best.links.count
            else { continue }
            best = chain
            if isSettled(chain) { return (chain, fresh) }
        }
        return (best, ObjectReader(process.memory, layout: process.layout))
    }
}
