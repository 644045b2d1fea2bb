import CLinux
import Clocks
public import Observations
import RemoteProcess
public import TargetMemory

/// Samples the stacks of all threads of a process at a fixed rate, or as fast as it can.
///
/// One sample of one thread is one system call (`ThreadSampler`); a stack that was seen before costs no allocation, and that of
/// a thread that has slept since it was taken is not read again.
/// Counts are turned into observations once a window. Deadlines are absolute (`SamplePace`).
///
/// One thread, which `run` blocks and whose timer slack and slice it sets; not one of Swift's own.
public final class StackSampler {
    /// How often the list of threads is read again, and each thread's activity.
    private static let (threadsEvery, activityEvery) = (Nanoseconds.milliseconds(200), Nanoseconds.milliseconds(10))

    private let pid: Int32
    private let roster: ThreadRoster
    private let counter: StackCounter
    private let looks: ThreadLooks
    private let drawing: StackDrawing
    private var pace: SamplePace
    /// Whether the sampling thread has been told not to be late.
    private var isPunctual = false
    private var quality = SampleQuality()
    private var stops = 0
    private var threadsDue = Moment(nanoseconds: .min)
    private var activityDue = Moment(nanoseconds: .min)

    /// How many threads are sampled; 0 before the first sample.
    public var threadsWatched: Int { roster.threads.count }

    /// A sampler of `process`; without a `rate` (in hertz) it samples without a pause. `isBlocking`: each thread is
    /// stopped while it is read, by the thread that samples.
    public convenience init(_ process: PythonProcess, rate: Double?, isBlocking: Bool = false) {
        self.init(process, rate: rate, isBlocking: isBlocking, calls: CallRuns())
    }

    /// A sampler that tells `calls` which threads are inside a bridge call.
    init(_ process: PythonProcess, rate: Double?, isBlocking: Bool, calls: CallRuns) {
        pid = process.pid
        roster = ThreadRoster(process, isBlocking: isBlocking)
        counter = StackCounter(process)
        looks = ThreadLooks(process, counter, calls: calls)
        drawing = StackDrawing(process)
        pace = SamplePace(rate: rate)
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
        for thread in roster.threads { try sample(thread) }
        return takeWindow(from: start, loops: [:])
    }

    /// Makes the system call of the next sample of the first thread, as it is prepared, and decodes nothing: of a benchmark's
    /// figure for a sample, that is the kernel's part.
    ///
    /// - Returns: its ranges and bytes; `nil` before the first sample.
    public func readAndIgnore() throws(RemoteReadError) -> (ranges: Int, bytes: Int)? {
        try roster.threads.first?.sampler.readAndIgnore()
    }

    // MARK: Samples

    /// Whether the present window should end early: there are so many different stacks in it.
    var isCrowded: Bool { counter.isCrowded }

    /// Samples until `deadline`, or until the window is crowded, adding to the present window.
    ///
    /// - Returns: `false` when the target is gone.
    func sample(until deadline: Moment) -> Bool {
        if !isPunctual { isPunctual = ls_be_punctual() == 0 }
        defer { for thread in roster.threads { thread.stopper?.letGo() } }
        var now = pace.begin(until: deadline)
        while now < deadline, !isCrowded {
            do throws(RemoteReadError) {
                let isLook = try refresh(now)
                for thread in roster.threads where !(isLook && countAgain(thread)) { try sample(thread) }
            } catch {
                // The list of threads is gone with the interpreter, or the process is.
                return false
            }
            now = pace.next(until: deadline)
        }
        return true
    }

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
        for attempt in 0..<StackCounter.tries {
            switch try thread.sampler.sample(tag: thread.number << 2 | idle, isRestless: attempt > 0) {
            case .good(let retries, let isSame):
                if isSame, let index = thread.lastStack, counter.countAgain(index) {
                    quality.taken += 1
                    return
                }
                guard let stack = counter.count(thread.sampler.stack, outer: thread.sampler.outerHash, attempt)
                else { continue }
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
        guard let index = thread.lastStack, counter.countAgain(index) else { return false }
        quality.taken += 1
        return true
    }

    /// Reads again what is due.
    ///
    /// - Returns: whether it was looked at what each thread does.
    private func refresh(_ now: Moment) throws(RemoteReadError) -> Bool {
        if now >= threadsDue {
            threadsDue = now + Self.threadsEvery
            let isFirst = roster.threads.isEmpty
            defer { if isFirst { looks.findLoops([:], on: roster.threads) } }
            looks.keep(try roster.refresh())
        }
        guard now >= activityDue else { return false }
        activityDue = now + Self.activityEvery
        looks.look(at: roster, now)
        return true
    }

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
        guard var table = counter.handOver(roster.threads) else { return nil }
        let end = Moment.now()
        let info = roster.info
        let loops = looks.loops(from: start, to: end, pid: pid) { tid in table.busyShare { info[$0]?.tid == tid } }
        looks.findLoops(known, on: roster.threads)
        for thread in roster.threads { thread.sampler.weed() }
        defer { (quality, stops) = (SampleQuality(), 0) }
        return StackTally(
            table: table, start: start, end: end, interval: pace.endWindow(from: start, to: end), threads: info,
            watched: threadsWatched, quality: quality, loops: loops, blocks: looks.takeBlocks(), stops: stops)
    }

    /// Gets a table back whose stacks have been read.
    func takeBack(_ table: consuming StackTable) { counter.takeBack(table) }
}
