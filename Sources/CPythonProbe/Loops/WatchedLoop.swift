import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import Statistics
import TargetMemory

/// One loop and what was seen of it in the present window.
struct WatchedLoop {
    /// Where its ticks are seen.
    enum Source {
        /// In the locals of this frame of `BaseEventLoop._run_once`.
        case runOnce(PythonFrame)
        /// In libuv's counter.
        case counter(RemoteAddress)
    }

    private struct Counts {
        /// Identity of the tick seen last: the bits of its start, or the counter.
        var last: UInt64?
        /// The counter at the start of the window.
        var first: UInt64?
        /// When what follows was read: the end of the window before. Windows need not be taken without a gap.
        var since: Moment?
        /// Times the thread had blocked, and steps of the queue of ready handles, at the start of the window.
        var blocked: Int?
        var steps: UInt64?
        var looks = 0
        /// Looks that found the loop inside a tick: while it waits for events, its tick has no beginning yet.
        var inside = 0
        var changes = 0
        /// Whether ticks are watched one by one, as the window before showed that they must be.
        var isBusy = false
        var stretches = TickStretches()
        /// Most handles of a tick that was seen.
        var ready = 0
    }

    var source: Source
    var loop: RemoteAddress
    /// What reports call it.
    var number: Int
    /// Its thread's `PyThreadState`.
    var state: RemoteAddress
    var tid: Int32
    var thread: String
    var turns = TurnWatch()
    private var counts = Counts()
    /// The tick of the last look.
    private var seen: UInt64?
    /// Ticks seen since the loop was found, and their handles: how many a tick has.
    private var (ticksSeen, handlesSeen) = (0, 0)

    init(source: Source, loop: RemoteAddress, number: Int, state: RemoteAddress, tid: Int32, thread: String) {
        self.source = source
        self.loop = loop
        self.number = number
        self.state = state
        self.tid = tid
        self.thread = thread
    }

    /// Keeps what was counted of the same loop.
    mutating func takeOver(_ old: WatchedLoop) {
        (counts, turns) = (old.counts, old.turns)
        (ticksSeen, handlesSeen) = (old.ticksSeen, old.handlesSeen)
    }

    var isRunOnce: Bool { if case .runOnce = source { true } else { false } }

    /// Whether this look is one of the ten in a second after which a busy loop's ticks are watched one by one.
    var isDueForWatching: Bool {
        isRunOnce && counts.looks % 10 == 0 && (counts.isBusy || counts.looks >= 20 && isMostlyInside)
    }

    private var isMostlyInside: Bool { counts.inside * 5 > counts.looks }

    /// When the turn of this identity began, where that is kept.
    func beginning(of identity: UInt64) -> Moment? {
        guard isRunOnce else { return nil }
        let seconds = Double(bitPattern: identity)
        return seconds > 0 && seconds < 9e9 ? Moment(nanoseconds: Int64(seconds * 1e9)) : nil
    }

    /// Looks which tick it is; 0 while it waits for events. `isResting`: its thread has slept since the last look, so it is the
    /// same one.
    mutating func look(_ reader: ObjectReader, isResting: Bool = false) -> UInt64? {
        // libuv's counter may be another thread's.
        let known = isResting && isRunOnce ? seen : nil
        seen = known ?? identity(reader)
        guard let identity = seen else { return nil }
        counts.looks += 1
        guard identity != Self.waiting else { return identity }
        counts.inside += 1
        if let last = counts.last, last != identity { counts.changes += 1 }
        counts.last = identity
        counts.first = counts.first ?? identity
        if known == nil, case .runOnce(let frame) = source,
            let ready = try? reader.integer(reader.local("ntodo", of: frame)),
            ready > 0, ready < 1 << 24
        {
            counts.ready = max(counts.ready, ready)
            handlesSeen += ready
            ticksSeen += 1
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
            guard object != 0 else { return Self.waiting }
            return (try? reader.float(object)).flatMap { $0 }?.bitPattern
        }
    }

    /// Reads the tick's start as fast as it can.
    mutating func watch(_ reader: ObjectReader, until deadline: Moment) {
        guard case .runOnce(let frame) = source else { return }
        counts.stretches.begin()
        var now = Moment.now()
        while now < deadline {
            let start = try? reader.float(reader.local("end_time", of: frame))
            now = .now()
            counts.stretches.note(start, at: now)
        }
    }

    /// What it did since the window before, or in its first one since `start`; `blocked` is how often its thread has given up
    /// the processor of itself.
    mutating func window(
        from start: Moment, to end: Moment, pid: Int32, busy: Double?, _ reader: ObjectReader, blocked: Int?
    ) -> LoopWindow {
        // The counters go on between two windows: what they tell belongs to the time since they were read.
        let start = counts.since ?? start
        let length = end - start
        let steps = isRunOnce ? try? reader.readySteps(ofLoop: loop) : nil
        // A counter is read once more: the window's end is later than the last look.
        if !isRunOnce { _ = look(reader) }
        let ticks: Int?
        let grade: Grade
        switch source {
        case .counter:
            ticks = counts.first.flatMap { first in
                counts.last.flatMap { $0 >= first ? Int(exactly: $0 - first) : nil }
            }
            grade = .read
        case .runOnce:
            ticks = counts.looks == 0 ? nil : self.ticks(blocked: blocked, steps: steps)
            grade = .sampled
        }
        let window = LoopWindow(
            start: start, length: length, pid: pid, loop: "\(number)", thread: thread, grade: grade, ticks: ticks,
            busy: busy.map { Nanoseconds(Int64(Double(length.count) * $0)) }, tickDurations: counts.stretches.durations,
            readyHandles: isRunOnce && counts.looks > 0 ? counts.ready : nil, timers: timers(reader))
        var next = Counts()
        (next.last, next.first, next.blocked, next.steps) = (counts.last, counts.last, blocked, steps)
        (next.since, next.isBusy) = (end, isMostlyInside)
        counts = next
        return window
    }

    /// Ticks of an asyncio loop. A tick that waited gave up the processor; those of a loop that hardly waits are told
    /// from the handles it ran, and how many a tick has. What was seen was at least there.
    private func ticks(blocked: Int?, steps: UInt64?) -> Int {
        // Each handle is put into the queue and taken out.
        let handles = steps.flatMap { now in counts.steps.flatMap { $0 <= now ? Int(exactly: (now - $0) / 2) : nil } }
        // A thread gives up the processor for other reasons too; but a tick has a handle.
        let waited = min(blocked.flatMap { now in counts.blocked.map { now - $0 } } ?? 0, handles ?? .max)
        var worked = 0
        if handlesSeen > 0, let handles { worked = Int(Double(handles) * Double(ticksSeen) / Double(handlesSeen)) }
        return max(counts.changes, waited, worked)
    }

    /// Timers that wait: `BaseEventLoop._scheduled`, cancelled ones among them.
    private func timers(_ reader: ObjectReader) -> Int? {
        guard isRunOnce, let timers = try? reader.attribute("_scheduled", of: loop) else { return nil }
        return try? reader.count(timers)
    }
}

extension ObjectReader {
    /// How often the queue of a loop's ready handles (`BaseEventLoop._ready`, a deque) was changed since it was made.
    ///
    /// Modules/_collectionsmodule.c dequeobject: {object, size, leftblock, rightblock, leftindex, rightindex, state},
    /// whose state grows by one with each item that is added or taken out.
    func readySteps(ofLoop loop: RemoteAddress) throws(RemoteReadError) -> UInt64? {
        guard let queue = try attribute("_ready", of: loop), try type(of: queue)?.name == "collections.deque" else {
            return nil
        }
        return try memory.load(queue &+ 56, as: UInt64.self)
    }
}
