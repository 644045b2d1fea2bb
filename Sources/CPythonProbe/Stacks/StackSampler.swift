import CLinux
import CPythonLayouts
import Clocks
import Glibc
public import Observations
import RemoteProcess
public import TargetMemory

/// Samples the stacks of all threads of a process at a fixed rate, or as fast as it can.
///
/// One sample of one thread is one system call (`ThreadSampler`); a stack that was seen before costs no allocation, and that of
/// a thread that has slept since it was taken is not read again.
/// Counts are turned into observations once a window. Deadlines are absolute: a late sample does not delay the next
/// ones, and deadlines that were missed altogether are skipped.
///
/// One thread, which `run` blocks and whose timer slack and slice it sets; not one of Swift's own.
public final class StackSampler {
    /// How often the list of threads is read again, and each thread's activity.
    private static let (threadsEvery, activityEvery) = (Nanoseconds.milliseconds(200), Nanoseconds.milliseconds(10))

    private let process: PythonProcess
    private let interval: Nanoseconds?
    private let isBlocking: Bool
    private let reader: ObjectReader
    /// Lists the threads: the list is mostly as it was, and checked in one read.
    private let lister: ObjectReader
    private let list: ReadAhead
    private let resolver: StackResolver
    private let watcher: LoopWatcher
    private let calls: CallRuns
    private let bridges: BridgeThreads
    private var table = StackTable()
    /// The table that the next window begins with; `nil` when there was none yet, or while the one before is being read.
    private var spare: StackTable?
    private var isLent = false
    private let drawing: StackDrawing
    /// The stack that the first reading of the present sample showed and that cannot be.
    private var suspect: [UInt64] = []
    private var watched: [WatchedThread] = []
    private var jitter: UInt64 = 1
    /// Whether the sampling thread has been told not to be late.
    private var isPunctual = false
    private var quality = SampleQuality()
    private var stops = 0
    /// When the next sample is due, also one that lies beyond the present call, and how often samples were taken in this window.
    private var (due, rounds) = (Moment(nanoseconds: .min), 0)
    private var threadsDue = Moment(nanoseconds: .min)
    /// The CPU that the target was left alone on last.
    private var avoidedCPU: Int32 = -1
    private var activityDue = Moment(nanoseconds: .min)
    /// The main interpreter's lock, and who has it as of the present look, once that was asked.
    private var lock: RemoteAddress?
    private var holder: RemoteAddress?

    /// How many threads are sampled; 0 before the first sample.
    public var threadsWatched: Int { watched.count }

    /// A thread under observation.
    fileprivate final class WatchedThread {
        let sampler: ThreadSampler
        /// The kernel's id of it, as seen from here.
        let tid: Int32
        let name: String
        let number: UInt64
        var activity = StackSample.Activity.running
        var cpu: Int32 = -1
        /// Index of the stack sampled last; `nil` when the last look at it found nothing new.
        var lastStack: Int?
        /// Whether it ran no Python then.
        var runsNothing = false

        /// The bridge call that it ran at the last look.
        var call: UInt64?
        /// Whether it has slept since the last look: then it is where it was, and nothing of it needs to be read.
        private(set) var isResting = false
        /// What the kernel had counted of it at the last look.
        private(set) var reading: ThreadClock.Reading?

        let clock: ThreadClock
        private let state: ThreadState?
        /// Stops it while it is read, if that was asked for.
        let stopper: ThreadStopper?

        init(_ sampler: ThreadSampler, tid: Int32, in pid: Int32, number: UInt64, isBlocking: Bool) {
            stopper = isBlocking ? ThreadStopper(tid: tid) : nil
            self.sampler = sampler
            self.tid = tid
            self.number = number
            name = TargetThreads.name(of: tid, in: pid)
            state = try? ThreadState(of: tid, in: pid)
            clock = ThreadClock(of: tid, in: pid)
        }

        /// Reads whether it runs, and where.
        func readActivity() {
            let before = reading
            reading = clock.read()
            // Whoever sleeps and is given no processor cannot have done anything.
            isResting = activity == .idle && reading != nil && reading?.turns == before?.turns
            if isResting { return }
            guard let now = state?.read() else { return }
            activity = now.state == UInt8(ascii: "R") ? .running : .idle
            cpu = now.processor
        }
    }

    /// A sampler of `process`; without a `rate` (in hertz) it samples without a pause. `isBlocking`: each thread is
    /// stopped while it is read, by the thread that samples.
    public convenience init(_ process: PythonProcess, rate: Double?, isBlocking: Bool = false) {
        self.init(process, rate: rate, isBlocking: isBlocking, calls: CallRuns())
    }

    /// A sampler that tells `calls` which threads are inside a bridge call.
    init(_ process: PythonProcess, rate: Double?, isBlocking: Bool, calls: CallRuns) {
        self.process = process
        self.isBlocking = isBlocking
        self.calls = calls
        interval = rate.map { Nanoseconds(Int64(1e9 / min(max($0, 0.1), 1e6))) }
        reader = ObjectReader(process.memory, layout: process.layout)
        list = ReadAhead(process.memory)
        lister = ObjectReader(list, layout: process.layout)
        resolver = StackResolver(process)
        drawing = StackDrawing(process)
        watcher = LoopWatcher(process)
        bridges = BridgeThreads(process)
    }

    /// Samples until `deadline`, or until the target is gone, and takes the window.
    public func run(until deadline: Moment) -> Window {
        var window = Window()
        repeat {
            let start = Moment.now()
            window.isGone = !sample(until: deadline)
            window.add(takeWindow(from: start, loops: [:]))
        } while !window.isGone && .now() < deadline
        return window
    }

    /// Samples every thread once, as `dump` shows them.
    ///
    /// - Throws: when the target is gone.
    public func once() throws(RemoteReadError) -> Window {
        let start = Moment.now()
        _ = try refresh(start)
        for thread in watched { try sample(thread) }
        return takeWindow(from: start, loops: [:])
    }

    /// Makes the system call of the next sample of the first thread, as it is prepared, and decodes nothing: of a benchmark's
    /// figure for a sample, that is the kernel's part.
    ///
    /// - Returns: its ranges and bytes; `nil` before the first sample.
    public func readAndIgnore() throws(RemoteReadError) -> (ranges: Int, bytes: Int)? {
        try watched.first?.sampler.readAndIgnore()
    }

    /// Whether the present window should end early: there are so many different stacks in it.
    var isCrowded: Bool { !isLent && table.isCrowded }

    /// Samples until `deadline`, or until the window is crowded, adding to the present window.
    ///
    /// - Returns: `false` when the target is gone.
    func sample(until deadline: Moment) -> Bool {
        if !isPunctual { isPunctual = ls_be_punctual() == 0 }
        defer { for thread in watched { thread.stopper?.letGo() } }
        var now = Moment.now()
        if due > now, interval != nil {
            Moment.sleep(until: min(due, deadline))
            now = Moment.now()
        } else {
            due = now
        }
        while now < deadline, !isCrowded {
            do throws(RemoteReadError) {
                let isLook = try refresh(now)
                for thread in watched where !(isLook && countAgain(thread)) { try sample(thread) }
                rounds += 1
            } catch {
                // The list of threads is gone with the interpreter, or the process is.
                return false
            }
            if let interval {
                due = due + interval
                now = Moment.now()
                // Deadlines that are past are gone: their samples would only crowd the next ones.
                if due < now { due = due + Nanoseconds((now - due).count / interval.count * interval.count) }
                Moment.sleep(until: min(due, deadline))
            }
            now = Moment.now()
        }
        return true
    }

    /// How often a sample is taken anew that was whole and yet cannot be.
    private static let tries = 4

    private func sample(_ thread: WatchedThread) throws(RemoteReadError) {
        if let stopper = thread.stopper {
            guard stopper.stop() == .stopped else {
                quality.lost += 1
                return
            }
            stops += 1
        }
        defer { thread.stopper?.release() }
        let idle: UInt64 = thread.activity == .idle ? 1 : 0
        for attempt in 0..<Self.tries {
            switch try thread.sampler.sample(tag: thread.number << 2 | idle, isRestless: attempt > 0) {
            case .good(let retries):
                guard let stack = count(thread.sampler.stack, attempt) else { continue }
                (thread.lastStack, thread.runsNothing) = (stack, false)
                quality.taken += 1
                if retries + attempt > 0 { quality.retried += 1 }
                return
            case .empty:
                (thread.lastStack, thread.runsNothing) = (nil, true)
                return
            case .ended:
                // Look who is there.
                threadsDue = Moment(nanoseconds: .min)
                return
            case .lost: break
            }
        }
        (thread.lastStack, thread.runsNothing) = (nil, false)
        quality.lost += 1
    }

    /// Counts the last stack of a thread once more, if it has slept since it was taken.
    ///
    /// - Returns: whether it has: then there is nothing to read.
    private func countAgain(_ thread: WatchedThread) -> Bool {
        guard thread.isResting, thread.stopper == nil else { return false }
        if thread.runsNothing { return true }
        guard let index = thread.lastStack, index < table.entries.count else { return false }
        table.count(index)
        quality.taken += 1
        return true
    }

    /// Counts a stack. One that is seen for the first time is looked at more closely.
    ///
    /// - Returns: its index; `nil` when there is no room for it, or it cannot be.
    private func count(_ stack: UnsafeBufferPointer<UInt64>, _ attempt: Int) -> Int? {
        if let index = table.count(stack) { return index }
        // Its code objects are alive now; in a second they may be gone.
        guard table.hasRoom(for: stack.count), let found = try? resolver.resolve(stack, for: &table) else { return nil }
        if !found.isPossible {
            // What stands still is what it is: all readings of this sample must have shown this stack.
            let isSame = attempt > 0 && stack.elementsEqual(suspect)
            suspect = attempt == 0 || isSame ? Array(stack) : []
            guard isSame, attempt == Self.tries - 1 else {
                waitABit()
                return nil
            }
        }
        return table.add(stack, found.trace)
    }

    /// Spins for 5 to 50 µs: a target that goes round in step with the readings must not look as if it stood still.
    private func waitABit() {
        jitter = jitter &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        let end = Moment.now() + Nanoseconds(5_000 + Int64(jitter >> 33) % 45_000)
        while .now() < end {}
    }

    // MARK: Threads

    /// Reads again what is due.
    ///
    /// - Returns: whether it was looked at what each thread does.
    private func refresh(_ now: Moment) throws(RemoteReadError) -> Bool {
        if now >= threadsDue {
            threadsDue = now + Self.threadsEvery
            try refreshThreads()
        }
        guard now >= activityDue else { return false }
        activityDue = now + Self.activityEvery
        for thread in watched { thread.readActivity() }
        // A lock changes hands when a thread runs.
        if watched.contains(where: { !$0.isResting }) { holder = nil }
        watcher.look(at: now) { [self] in loopThread($0) }
        for thread in watched { noteCall(of: thread, now) }
        return true
    }

    private func refreshThreads() throws(RemoteReadError) {
        list.beginWalk()
        // Where it is was settled when the interpreter began.
        lock = try? lock ?? lister.lock(runtime: process.runtime, interpreter: process.mainInterpreter)
        var threads: [PythonThread] = []
        for interpreter in process.interpreters { threads += try lister.threads(interpreter: interpreter) }
        let isFirst = watched.isEmpty
        defer { if isFirst { watcher.discover([:], threads: watched.map { ($0.sampler.thread, $0.tid, $0.name) }) } }
        watched.removeAll { old in !threads.contains { $0 == old.sampler.thread } }
        bridges.keep(threads)
        for thread in threads where !watched.contains(where: { $0.sampler.thread == thread }) {
            let tid = TargetThreads.outerID(of: thread.tid, in: process.pid)
            threadCount += 1
            watched.append(
                WatchedThread(
                    ThreadSampler(thread, of: process, lock: lock), tid: tid, in: process.pid, number: threadCount,
                    isBlocking: isBlocking))
            info[threadCount] = (tid, watched[watched.count - 1].name)
        }
        // The thread that runs most is kept a CPU of its own, where there are several.
        if let busiest = watched.first(where: { $0.activity == .running && $0.cpu >= 0 }), busiest.cpu != avoidedCPU {
            avoidedCPU = busiest.cpu
            _ = ls_avoid_cpu(busiest.cpu)
        }
    }

    /// What is known of a loop's thread.
    private func loopThread(_ tid: Int32) -> LoopWatcher.Thread {
        guard let thread = watched.first(where: { $0.tid == tid }) else { return .init() }
        return .init(activity: loopActivity(of: thread), clock: thread.reading, isResting: thread.isResting)
    }

    private func loopActivity(of thread: WatchedThread) -> LoopActivity {
        guard let index = thread.lastStack, index < table.entries.count else { return .unknown }
        return table.isWaiting(index) ? .waiting : .working(table.entries[index].trace, occupation(of: thread))
    }

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

    /// What all threads together have waited for a processor.
    private var starved: Nanoseconds { watched.reduce(.zero) { $0 + ($1.reading?.waited ?? .zero) } }

    private func noteCall(of thread: WatchedThread, _ now: Moment) {
        guard let index = thread.lastStack, index < table.entries.count else {
            // A sample that was lost says nothing of where the thread is.
            if thread.runsNothing { calls.noteOutside(thread.tid, at: now) }
            return
        }
        guard table.isBridgeCall(index) else { return calls.noteOutside(thread.tid, at: now) }
        if !thread.isResting || thread.call == nil {
            thread.call = bridges.call(ofThread: thread.sampler.thread.state)
        }
        guard let call = thread.call else { return }
        calls.note(
            thread.tid,
            .init(call: call, occupation: occupation(of: thread), clock: thread.reading, starved: starved), at: now)
    }

    private var threadCount: UInt64 = 0
    private var info: [UInt64: (tid: Int32, name: String)] = [:]

    // MARK: Windows

    /// Takes what was seen since the last window; `known` are event loops that a census has found.
    func takeWindow(from start: Moment, loops known: [RemoteAddress: String]) -> Window {
        guard var tally = handOver(from: start, loops: known) else { return Window() }
        let window = drawing.draw(&tally)
        if let table = tally.takeTable() { takeBack(table) }
        return window
    }

    /// Ends the window and begins the next one with another table, which takes some 10 µs: what the window's stacks are is
    /// for `StackDrawing` to find out, on another thread, and `takeBack` gets the table afterwards.
    ///
    /// - Returns: `nil` while the table before has not come back: the window goes on.
    func handOver(from start: Moment, loops known: [RemoteAddress: String]) -> StackTally? {
        if isLent { return nil }
        var next = spare.take() ?? StackTable()
        isLent = true
        let end = Moment.now()
        for thread in watched { thread.lastStack = thread.lastStack.map { next.adopt($0, of: table) } }
        swap(&table, &next)
        resolver.begin()
        let loops = watcher.window(from: start, to: end, pid: process.pid) { [info] tid in
            next.busyShare { info[$0]?.tid == tid }
        }
        watcher.discover(known, threads: watched.map { ($0.sampler.thread, $0.tid, $0.name) })
        for thread in watched { thread.sampler.weed() }
        // A rate that nobody can keep is kept less often: a sample stands for the time that it took, or the report's seconds
        // would not add up.
        let share = Nanoseconds((end - start).count / Int64(max(rounds, 1)))
        defer { (quality, stops, rounds) = (SampleQuality(), 0, 0) }
        return StackTally(
            table: next, start: start, end: end, interval: interval.map { max($0, share) }, threads: info,
            watched: watched.count,
            quality: quality, loops: loops, blocks: watcher.takeBlocks(), stops: stops)
    }

    /// Gets a table back whose stacks have been read.
    func takeBack(_ table: consuming StackTable) {
        spare = consume table
        isLent = false
    }
}
