import CPythonLayouts
import Observations
import TargetMemory

/// Looks at what the threads do, a hundred times a second: who runs, where the loops are in their turns, which bridge calls are
/// under way.
///
/// One thread: the sampler's.
final class ThreadLooks {
    private let reader: ObjectReader
    private let counter: StackCounter
    private let watcher: LoopWatcher
    private let calls: CallRuns
    private let bridges: BridgeThreads
    /// The main interpreter's lock, and who has it as of the present look, once that was asked.
    private var lock: RemoteAddress?
    private var holder: RemoteAddress?

    /// Looks at threads whose stacks `counter` counts, and tells `calls` which are inside a bridge call.
    init(_ process: PythonProcess, _ counter: StackCounter, calls: CallRuns) {
        reader = ObjectReader(process.memory, layout: process.layout)
        watcher = LoopWatcher(process)
        bridges = BridgeThreads(process)
        self.counter = counter
        self.calls = calls
    }

    /// Takes a look.
    func look(at roster: ThreadRoster, _ now: Moment) {
        lock = roster.lock
        let threads = roster.threads
        for thread in threads { thread.readActivity() }
        // A lock changes hands when a thread runs.
        if threads.contains(where: { !$0.isResting }) { holder = nil }
        watcher.look(at: now) { [self] tid in
            guard let thread = threads.first(where: { $0.tid == tid }) else { return .init() }
            return .init(activity: loopActivity(of: thread), clock: thread.reading, isResting: thread.isResting)
        }
        for thread in threads { noteCall(of: thread, among: threads, now) }
    }

    private func loopActivity(of thread: WatchedThread) -> LoopActivity {
        guard let turn = thread.lastStack.flatMap(counter.turn) else { return .unknown }
        return turn.isWaiting ? .waiting : .working(turn.trace, occupation(of: thread))
    }

    private func noteCall(of thread: WatchedThread, among threads: [WatchedThread], _ now: Moment) {
        guard let isInside = thread.lastStack.flatMap(counter.isBridgeCall) else {
            // A sample that was lost says nothing of where the thread is.
            if thread.runsNothing { calls.noteOutside(thread.tid, at: now) }
            return
        }
        guard isInside else { return calls.noteOutside(thread.tid, at: now) }
        if !thread.isResting || thread.call == nil {
            thread.call = bridges.call(ofThread: thread.sampler.thread.state)
        }
        guard let call = thread.call else { return }
        // What all threads together have waited for a processor.
        let starved = threads.reduce(.zero) { $0 + ($1.reading?.waited ?? .zero) }
        calls.note(
            thread.tid,
            .init(call: call, occupation: occupation(of: thread), clock: thread.reading, starved: starved), at: now)
    }

    // MARK: The interpreter's lock

    /// Who has the interpreter's lock; 0 when nobody has.
    private func lockHolder() -> RemoteAddress {
        let found = holder ?? lock.flatMap { try? reader.holder(ofLock: $0) } ?? 0
        holder = found
        return found
    }

    private func occupation(of thread: WatchedThread) -> Occupation {
        if thread.activity == .running { return .running }
        let holder = lockHolder()
        let isTaken = holder != 0 && holder != thread.sampler.thread.state
        // A thread that sleeps, or waits for a socket, does so while another has the interpreter's lock as well.
        guard let address = thread.clock.lock() else { return isTaken ? .barred : .waiting }
        guard let address else { return .waiting }
        if isTaken, let lock, (lock..<lock &+ Self.lockSize).contains(address) { return .barred }
        return .locked
    }

    /// The lock with its condition variables and mutexes (internal/pycore_gil.h `_gil_runtime_state`).
    private static let lockSize: UInt64 = 256

    // MARK: Windows and threads

    /// Finds the loops again: those that `known` has from a census, and those on the stacks of `threads`.
    func findLoops(_ known: [RemoteAddress: String], on threads: [WatchedThread]) {
        watcher.discover(known, threads: threads.map { ($0.sampler.thread, $0.tid, $0.name) })
    }

    /// Forgets threads that are not there any more.
    func keep(_ threads: [PythonThread]) { bridges.keep(threads) }

    /// What the loops did since the last window; `busy` tells the share of samples in which a thread ran.
    func loops(from start: Moment, to end: Moment, pid: Int32, busy: (Int32) -> Double?) -> [LoopWindow] {
        watcher.window(from: start, to: end, pid: pid, busy: busy)
    }

    /// Turns that did not end, since the last call.
    func takeBlocks() -> [LoopBlock] { watcher.takeBlocks() }
}
