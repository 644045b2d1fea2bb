import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import Statistics
import TargetMemory

/// Watches the ticks of a process's event loops without touching them.
///
/// asyncio keeps the time at which a tick began in a local of `BaseEventLoop._run_once`, a new number each tick; libuv
/// keeps a counter of ticks. Both are read a hundred times a second. Where an asyncio loop ticks faster than that, the
/// times its thread blocked are its ticks that waited; where it hardly waits, the handles that it ran tell its ticks.
/// How long a busy loop's ticks last is watched tick by tick in ten short stretches of each second.
///
/// One thread: the sampler's.
final class LoopWatcher {
    /// How long ticks are watched one by one, each time.
    private static let stretch = Nanoseconds.microseconds(400)

    private let process: PythonProcess
    private let reader: ObjectReader
    /// Where loops are looked for. A stack's frames lie together, and what they point to is asked for once: a call or two
    /// instead of two a frame.
    private let snapshot: PageSnapshot<ProcessMemory>
    private let searcher: ObjectReader
    private let codes = CodeTable.withRoles()
    private var loops: [WatchedLoop] = []
    /// The loops' numbers, in the order in which they were discovered.
    private var numbers: [RemoteAddress: Int] = [:]

    init(_ process: PythonProcess) {
        self.process = process
        reader = ObjectReader(process.memory, layout: process.layout)
        snapshot = PageSnapshot(of: process.memory, limit: 1 << 18)
        searcher = ObjectReader(snapshot, layout: process.layout)
    }

    /// Finds the loops again: threads that run `_run_once`, and the uvloop loops of `known`.
    func discover(_ known: [RemoteAddress: String], threads: [(thread: PythonThread, tid: Int32, name: String)]) {
        codes.beginWalk()
        reader.forgetTypes()
        searcher.forgetTypes()
        var found: [WatchedLoop] = []
        for entry in threads {
            guard let (frame, loop) = runOnce(inThread: entry.thread.state) else {
                // A busy thread may have moved on at every try: what was found before is still there.
                found += loops.filter { $0.state == entry.thread.state && $0.isRunOnce }
                continue
            }
            found.append(
                WatchedLoop(
                    source: .runOnce(frame), loop: loop, number: number(of: loop), state: entry.thread.state,
                    tid: entry.tid, thread: entry.name))
        }
        // The oldest thread, which is not the last that was found.
        let main = threads.first { $0.tid == process.pid } ?? threads.last
        for (loop, type) in known where type == "uvloop.Loop" {
            guard let main, let counter = try? reader.uvLoopCounter(ofLoop: loop) else { continue }
            found.append(
                WatchedLoop(
                    source: .counter(counter), loop: loop, number: number(of: loop), state: main.thread.state,
                    tid: main.tid, thread: main.name))
        }
        // Keep what was counted of loops that are still there.
        for index in found.indices {
            if let old = loops.first(where: { $0.loop == found[index].loop }) { found[index].takeOver(old) }
        }
        loops = found
    }

    private func number(of loop: RemoteAddress) -> Int {
        if let number = numbers[loop] { return number }
        numbers[loop] = numbers.count + 1
        return numbers.count
    }

    /// How often the stack of a thread that moves is read in search of its loop.
    private static let tries = 50

    /// The frame of `_run_once` on a thread's stack, and its loop.
    private func runOnce(inThread state: RemoteAddress) -> (PythonFrame, RemoteAddress)? {
        for _ in 0..<Self.tries {
            snapshot.reset()
            guard var address = try? searcher.currentFrame(ofThread: state) else { return nil }
            for _ in 0..<ObjectReader.depthLimit where address != 0 {
                // The innermost frames may be gone while they are read; those outside `_run_once` stay.
                if let frame = try? searcher.frame(address, codes) {
                    let name = frame.code.name
                    if name == "_run_once", frame.code.fileName.hasSuffix("base_events.py"),
                        let loop = try? searcher.local("self", of: frame), loop != 0
                    {
                        return (frame, loop)
                    }
                    // The outermost frame of a thread was reached: it runs no loop of asyncio's.
                    if name == "<module>" || name == "_bootstrap" { return nil }
                }
                address = (try? searcher.outerFrame(of: address)) ?? 0
            }
        }
        return nil
    }

    /// What is known of a loop's thread at a look.
    struct Thread {
        /// What it was last seen doing.
        var activity = LoopActivity.unknown
        /// What the kernel has counted of it.
        var clock: ThreadClock.Reading?
        /// Whether it has slept since the last look, so that nothing of the loop has changed.
        var isResting = false
    }

    /// Looks at every loop once; `thread` tells what is known of a thread, by its id.
    func look(at now: Moment, thread: (Int32) -> Thread) {
        for index in loops.indices {
            defer { if loops[index].isDueForWatching { loops[index].watch(reader, until: .now() + Self.stretch) } }
            let (state, thread) = (loops[index].state, thread(loops[index].tid))
            guard let identity = loops[index].look(reader, isResting: thread.isResting) else { continue }
            loops[index].turns.look(
                at: now, identity: identity, begun: loops[index].beginning(of: identity), activity: thread.activity,
                clock: thread.clock, served: { try? reader.served(byThread: state, codes) })
        }
    }

    /// Turns that did not end, since the last call.
    func takeBlocks() -> [LoopBlock] {
        loops.indices.flatMap { index in
            loops[index].turns.takeBlocks().map { block in
                LoopBlock(
                    since: block.since, length: block.length, pid: process.pid,
                    loop: "\(loops[index].number)", stack: block.stack, consumer: block.consumer,
                    message: block.message, samples: block.samples)
            }
        }
    }

    /// What the loops did since the last window; `busy` tells the share of samples in which a thread ran.
    func window(from start: Moment, to end: Moment, pid: Int32, busy: (Int32) -> Double?) -> [LoopWindow] {
        loops.indices.map { index in
            let tid = loops[index].tid
            return loops[index].window(
                from: start, to: end, pid: pid, busy: busy(tid), reader,
                blocked: ThreadSwitches(of: tid, in: process.pid)?.voluntary)
        }
    }
}

extension ObjectReader {
    /// Where libuv counts the ticks of a `uvloop.Loop`; `nil` when it is none, or built with a libuv before 1.45.
    ///
    /// uvloop/loop.pxd keeps the `uv_loop_t *` within the first words of the object; libuv's loop points back through
    /// `data`. uv.h: `internal_fields` at 40; src/uv-common.h: flags, then `loop_metrics.metrics.loop_count` at 8.
    func uvLoopCounter(ofLoop loop: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        for offset in stride(from: UInt64(16), to: 96, by: 8) {
            let candidate = try memory.pointer(loop &+ offset)
            guard candidate != 0, candidate & 7 == 0, (try? memory.pointer(candidate)) == loop else { continue }
            let fields = try memory.pointer(candidate &+ 40)
            return fields == 0 ? nil : fields &+ 8
        }
        return nil
    }
}
