import CPythonLayouts
import Observations
import RemoteProcess
import Statistics
import TargetMemory

/// Watches the ticks of a process's event loops without touching them.
///
/// asyncio keeps the time at which a tick began in a local of `BaseEventLoop._run_once`, a new number each tick; libuv
/// keeps a counter of ticks. Both are read a hundred times a second. Where an asyncio loop ticks faster than that, its
/// ticks of a few milliseconds are counted one by one, once in a while, and stand for the rest.
///
/// One thread: the sampler's.
final class LoopWatcher {
    /// How long ticks are counted one by one; longer, up to the limit, when the loop's thread had no processor meanwhile.
    private static let (burst, burstLimit) = (Nanoseconds.milliseconds(4), Nanoseconds.milliseconds(12))

    private let process: PythonProcess
    private let reader: ObjectReader
    private let codes = CodeTable()
    private var loops: [WatchedLoop] = []

    init(_ process: PythonProcess) {
        self.process = process
        reader = ObjectReader(process.memory, layout: process.layout)
    }

    /// Finds the loops again: threads that run `_run_once`, and the uvloop loops of `known`.
    func discover(_ known: [RemoteAddress: String], threads: [(thread: PythonThread, tid: Int32, name: String)]) {
        codes.beginWalk()
        reader.forgetTypes()
        var found: [WatchedLoop] = []
        for entry in threads {
            guard let (frame, loop) = runOnce(inThread: entry.thread.state) else {
                // A busy thread may have moved on at every try: what was found before is still there.
                found += loops.filter { $0.state == entry.thread.state && $0.isRunOnce }
                continue
            }
            found.append(
                WatchedLoop(
                    source: .runOnce(frame), loop: loop, state: entry.thread.state, tid: entry.tid, thread: entry.name))
        }
        for (loop, type) in known where type == "uvloop.Loop" {
            guard let counter = try? reader.uvLoopCounter(ofLoop: loop), let main = threads.last else { continue }
            found.append(
                WatchedLoop(
                    source: .counter(counter), loop: loop, state: main.thread.state, tid: main.tid, thread: main.name))
        }
        // Keep what was counted of loops that are still there.
        for index in found.indices {
            if let old = loops.first(where: { $0.loop == found[index].loop }) {
                found[index].counts = old.counts
                found[index].turns = old.turns
            }
        }
        loops = found
    }

    /// How often the stack of a thread that moves is read in search of its loop.
    private static let tries = 50

    /// The frame of `_run_once` on a thread's stack, and its loop.
    private func runOnce(inThread state: RemoteAddress) -> (PythonFrame, RemoteAddress)? {
        for _ in 0..<Self.tries {
            guard var address = try? reader.currentFrame(ofThread: state) else { return nil }
            for _ in 0..<ObjectReader.depthLimit where address != 0 {
                // The innermost frames may be gone while they are read; those outside `_run_once` stay.
                if let frame = try? reader.frame(address, codes) {
                    let name = frame.code.name
                    if name == "_run_once", frame.code.fileName.hasSuffix("base_events.py"),
                        let loop = try? reader.local("self", of: frame), loop != 0
                    {
                        return (frame, loop)
                    }
                    // The outermost frame of a thread was reached: it runs no loop of asyncio's.
                    if name == "<module>" || name == "_bootstrap" { return nil }
                }
                address = (try? reader.outerFrame(of: address)) ?? 0
            }
        }
        return nil
    }

    /// Looks at every loop once; `activity` tells what a thread was last seen doing.
    func look(at now: Moment, activity: (Int32) -> LoopActivity) {
        for index in loops.indices {
            guard let identity = loops[index].look(reader) else { continue }
            let (tid, state) = (loops[index].tid, loops[index].state)
            loops[index].turns.look(
                at: now, identity: identity, begun: loops[index].beginning(of: identity), activity: activity(tid),
                .init(
                    runQueueWait: { self.runQueueWait(of: tid) },
                    served: { try? self.reader.served(byThread: state, self.codes) }))
        }
    }

    private func runQueueWait(of tid: Int32) -> Nanoseconds? {
        // Documentation/scheduler/sched-stats.rst: time on a CPU, time waiting to run, timeslices.
        guard let bytes = try? ProcFS().read(process.pid, "task/\(tid)/schedstat", limit: 128) else { return nil }
        let fields = bytes.split(whereSeparator: { $0 == 32 || $0 == 10 })
        return fields.count > 1 ? Int64(ascii: fields[1]).map { Nanoseconds($0) } : nil
    }

    /// Turns that did not end, since the last call.
    func takeBlocks() -> [LoopBlock] {
        loops.indices.flatMap { index in
            loops[index].turns.takeBlocks().map { block in
                LoopBlock(
                    since: block.since, length: block.length, pid: process.pid,
                    loop: String(loops[index].loop, radix: 16), stack: block.stack, consumer: block.consumer,
                    message: block.message, samples: block.samples)
            }
        }
    }

    /// What the loops did since the last window; `busy` tells the share of samples in which a thread ran.
    func window(from start: Moment, to end: Moment, pid: Int32, busy: (Int32) -> Double?) -> [LoopWindow] {
        loops.indices.map { index in
            // Every look saw another tick: most went unseen.
            if loops[index].isFasterThanLooks {
                loops[index].countOneByOne(reader, for: Self.burst, atMost: Self.burstLimit)
            }
            return loops[index].window(from: start, to: end, pid: pid, busy: busy(loops[index].tid))
        }
    }
}

/// One loop and what was seen of it in the present window.
private struct WatchedLoop {
    enum Source {
        case runOnce(PythonFrame)
        case counter(RemoteAddress)
    }

    struct Counts {
        /// Identity of the tick seen last: the bits of its start, or the counter.
        var last: UInt64?
        /// The counter at the start of the window.
        var first: UInt64?
        var looks = 0
        /// Looks at which the loop had not begun its tick: it waited for events.
        var waits = 0
        var changes = 0
        /// Ticks a second, from counting one by one.
        var rate: Double?
        var durations = DurationHistogram()
        var ready = 0
        var timers: Int?
    }

    var source: Source
    var loop: RemoteAddress
    /// Its thread's `PyThreadState`.
    var state: RemoteAddress
    var tid: Int32
    var thread: String
    var counts = Counts()
    var turns = TurnWatch()

    var isRunOnce: Bool { if case .runOnce = source { true } else { false } }

    var isFasterThanLooks: Bool {
        if case .counter = source { return false }
        return counts.looks >= 20 && counts.changes * 2 > counts.looks
    }

    /// When the turn of this identity began, where that is kept.
    func beginning(of identity: UInt64) -> Moment? {
        guard case .runOnce = source else { return nil }
        let seconds = Double(bitPattern: identity)
        return seconds > 0 && seconds < 9e9 ? Moment(nanoseconds: Int64(seconds * 1e9)) : nil
    }

    mutating func look(_ reader: ObjectReader) -> UInt64? {
        guard let identity = identity(reader) else { return nil }
        guard identity != Self.waiting else {
            counts.waits += 1
            return identity
        }
        counts.looks += 1
        if let last = counts.last, last != identity { counts.changes += 1 }
        counts.last = identity
        counts.first = counts.first ?? identity
        if case .runOnce(let frame) = source, let ready = try? reader.integer(reader.local("ntodo", of: frame)) {
            counts.ready = max(counts.ready, ready)
        }
        return identity
    }

    /// The identity of no tick: `end_time` is bound only after the wait for events.
    private static let waiting: UInt64 = 0

    private func identity(_ reader: ObjectReader) -> UInt64? {
        switch source {
        case .counter(let address): return try? reader.memory.load(address, as: UInt64.self)
        case .runOnce(let frame):
            guard let object = try? reader.local("end_time", of: frame) else { return nil }
            if object == 0 { return Self.waiting }
            guard let time = try? reader.float(object) else { return nil }
            return time.bitPattern
        }
    }

    /// Reads the tick's start as fast as it can: every new one is a tick, and the distance to the last its length.
    mutating func countOneByOne(_ reader: ObjectReader, for burst: Nanoseconds, atMost limit: Nanoseconds) {
        let start = Moment.now()
        var (last, changes) = (UInt64?.none, 0)
        var now = start
        while now - start < (changes < 8 ? limit : burst) {
            if let identity = identity(reader), identity != Self.waiting {
                if let last, last != identity {
                    changes += 1
                    let length = Double(bitPattern: identity) - Double(bitPattern: last)
                    if length > 0, length < 3600 { counts.durations.record(Int64(length * 1e9)) }
                }
                last = identity
            }
            now = .now()
        }
        let seconds = (now - start).seconds
        if changes > 0, seconds > 0 { counts.rate = Double(changes) / seconds }
    }

    mutating func window(from start: Moment, to end: Moment, pid: Int32, busy: Double?) -> LoopWindow {
        let length = end - start
        let ticks: Int?
        let grade: Grade
        switch source {
        case .counter:
            ticks = counts.first.flatMap { first in
                counts.last.flatMap { $0 >= first ? Int(exactly: $0 - first) : nil }
            }
            grade = .read
        case .runOnce:
            ticks =
                counts.looks + counts.waits == 0 ? nil : counts.rate.map { Int($0 * length.seconds) } ?? counts.changes
            grade = .sampled
        }
        let window = LoopWindow(
            start: start, length: length, pid: pid, loop: String(loop, radix: 16), thread: thread, grade: grade,
            ticks: ticks, busy: busy.map { Nanoseconds(Int64(Double(length.count) * $0)) },
            tickDurations: counts.durations, readyHandles: counts.looks > 0 ? counts.ready : nil, timers: counts.timers)
        let last = counts.last
        counts = Counts()
        counts.last = last
        counts.first = last
        return window
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
