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
    /// How long ticks are counted one by one.
    private static let burst = Nanoseconds.milliseconds(4)

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
            guard let stack = try? reader.stack(ofThread: entry.thread.state, codes),
                let frame = stack.first(where: {
                    $0.code.name == "_run_once" && $0.code.fileName.hasSuffix("base_events.py")
                }),
                let loop = try? reader.local("self", of: frame), loop != 0
            else { continue }
            found.append(WatchedLoop(source: .runOnce(frame), loop: loop, tid: entry.tid, thread: entry.name))
        }
        for (loop, type) in known where type == "uvloop.Loop" {
            guard let counter = try? reader.uvLoopCounter(ofLoop: loop), let main = threads.last else { continue }
            found.append(WatchedLoop(source: .counter(counter), loop: loop, tid: main.tid, thread: main.name))
        }
        // Keep what was counted of loops that are still there.
        for index in found.indices {
            if let old = loops.first(where: { $0.loop == found[index].loop }) { found[index].counts = old.counts }
        }
        loops = found
    }

    /// Looks at every loop once.
    func look() {
        for index in loops.indices { loops[index].look(reader) }
    }

    /// What the loops did since the last window; `busy` tells the share of samples in which a thread ran.
    func window(from start: Moment, to end: Moment, pid: Int32, busy: (Int32) -> Double?) -> [LoopWindow] {
        loops.indices.map { index in
            // Every look saw another tick: most went unseen.
            if loops[index].isFasterThanLooks { loops[index].countOneByOne(reader, until: .now() + Self.burst) }
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
        var changes = 0
        /// Ticks a second, from counting one by one.
        var rate: Double?
        var durations = DurationHistogram()
        var ready = 0
        var timers: Int?
    }

    var source: Source
    var loop: RemoteAddress
    var tid: Int32
    var thread: String
    var counts = Counts()

    var isFasterThanLooks: Bool {
        if case .counter = source { return false }
        return counts.looks >= 20 && counts.changes * 2 > counts.looks
    }

    mutating func look(_ reader: ObjectReader) {
        guard let identity = identity(reader) else { return }
        counts.looks += 1
        if let last = counts.last, last != identity { counts.changes += 1 }
        counts.last = identity
        counts.first = counts.first ?? identity
        if case .runOnce(let frame) = source, let ready = try? reader.integer(reader.local("ntodo", of: frame)) {
            counts.ready = max(counts.ready, ready)
        }
    }

    private func identity(_ reader: ObjectReader) -> UInt64? {
        switch source {
        case .counter(let address): return try? reader.memory.load(address, as: UInt64.self)
        case .runOnce(let frame):
            guard let object = try? reader.local("end_time", of: frame), let time = try? reader.float(object) else {
                return nil
            }
            return time.bitPattern
        }
    }

    /// Reads the tick's start as fast as it can: every new one is a tick, and the distance to the last its length.
    mutating func countOneByOne(_ reader: ObjectReader, until deadline: Moment) {
        let start = Moment.now()
        var (last, changes) = (UInt64?.none, 0)
        var now = start
        while now < deadline {
            if let identity = identity(reader) {
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
            ticks = counts.looks == 0 ? nil : counts.rate.map { Int($0 * length.seconds) } ?? counts.changes
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
