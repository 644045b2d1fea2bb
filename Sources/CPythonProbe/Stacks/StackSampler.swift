import CLinux
import CPythonLayouts
import Glibc
public import Observations
import RemoteProcess
public import TargetMemory

/// Samples the stacks of all threads of a process at a fixed rate, or as fast as it can.
///
/// One sample of one thread is one system call (`ThreadSampler`); a stack that was seen before costs no allocation.
/// Counts are turned into observations once a window. Deadlines are absolute: a late sample does not delay the next
/// ones, and deadlines that were missed altogether are skipped.
///
/// One thread, which `run` blocks and whose timer slack it sets; not one of Swift's own.
public final class StackSampler {
    /// How often the list of threads is read again, and each thread's activity.
    private static let (threadsEvery, activityEvery) = (Nanoseconds.milliseconds(200), Nanoseconds.milliseconds(10))

    private let process: PythonProcess
    private let interval: Nanoseconds?
    private let codes = CodeTable()
    private let reader: ObjectReader
    private let watcher: LoopWatcher
    private let sources: TargetSources
    private var table = StackTable()
    private var resolved: [StackTrace?] = []
    /// Whether a loop's thread with this stack waits for events; told once for each stack that is asked about.
    private var waits: [Int: Bool] = [:]
    private var watched: [WatchedThread] = []
    private var quality = SampleQuality()
    private var threadsDue = Moment(nanoseconds: .min)
    private var activityDue = Moment(nanoseconds: .min)
    private var holder: RemoteAddress = 0

    /// How many threads are sampled; 0 before the first sample.
    public var threadsWatched: Int { watched.count }

    /// A thread under observation.
    fileprivate struct WatchedThread {
        let sampler: ThreadSampler
        /// The kernel's id of it, as seen from here.
        let tid: Int32
        let name: String
        let number: UInt64
        var activity = StackSample.Activity.running
        var cpu: Int32 = -1
        /// Index of the stack sampled last; `nil` when the last look at it found nothing new.
        var lastStack: Int?
    }

    /// A sampler of `process`; without a `rate` (in hertz) it samples without a pause.
    public init(_ process: PythonProcess, rate: Double?) {
        self.process = process
        interval = rate.map { Nanoseconds(Int64(1e9 / min(max($0, 0.1), 1e6))) }
        reader = ObjectReader(process.memory, layout: process.layout)
        watcher = LoopWatcher(process)
        sources = TargetSources(of: process)
    }

    /// Samples until `deadline`, or until the target is gone, and takes the window.
    public func run(until deadline: Moment) -> Window {
        let start = Moment.now()
        let isThere = sample(until: deadline)
        var window = takeWindow(from: start, loops: [:])
        window.isGone = !isThere
        return window
    }

    /// Samples every thread once, as `dump` shows them.
    ///
    /// - Throws: when the target is gone.
    public func once() throws(RemoteReadError) -> Window {
        let start = Moment.now()
        try refresh(start)
        for index in watched.indices { try sample(index) }
        return takeWindow(from: start, loops: [:])
    }

    /// Samples until `deadline`, adding to the present window.
    ///
    /// - Returns: `false` when the target is gone.
    func sample(until deadline: Moment) -> Bool {
        _ = ls_set_timer_slack(1)
        var now = Moment.now()
        var due = now
        while now < deadline {
            do throws(RemoteReadError) {
                try refresh(now)
                for index in watched.indices { try sample(index) }
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

    /// What was seen in a window.
    public struct Window: Sendable {
        /// The stacks, each with its count.
        public var stacks: [StackSample]
        /// How good the samples were.
        public var quality: SampleQuality
        /// What the event loops did.
        public var loops: [LoopWindow]
        /// Turns of them that did not end.
        public var blocks: [LoopBlock]
        /// The target has ended.
        public var isGone: Bool
    }

    /// How often a sample is taken anew whose frames turned out to be none.
    private static let tries = 4

    private func sample(_ index: Int) throws(RemoteReadError) {
        let thread = watched[index]
        let holds: UInt64 = holder == thread.sampler.thread.state ? 1 : 0
        let idle: UInt64 = thread.activity == .idle ? 1 : 0
        for attempt in 0..<Self.tries {
            switch try thread.sampler.sample(tag: thread.number << 2 | holds << 1 | idle) {
            case .good(let retries):
                guard let stack = count(thread.sampler.stack) else { continue }
                watched[index].lastStack = stack
                quality.taken += 1
                if retries + attempt > 0 { quality.retried += 1 }
                return
            case .empty:
                watched[index].lastStack = nil
                return
            case .ended:
                // Look who is there.
                threadsDue = Moment(nanoseconds: .min)
                return
            case .lost: break
            }
        }
        watched[index].lastStack = nil
        quality.lost += 1
    }

    /// Counts a stack.
    ///
    /// - Returns: its index; `nil` when there is no room for it, or its code objects are none.
    private func count(_ stack: UnsafeBufferPointer<UInt64>) -> Int? {
        guard table.hasRoom(for: stack.count) else { return nil }
        let (index, isNew) = table.count(stack)
        if isNew { resolved.append(nil) }
        guard resolved[index] == nil else { return index }
        // Its code objects are alive now; in a second they may be gone.
        resolved[index] = (try? trace(of: table.entries[index])) ?? nil
        guard resolved[index] == nil else { return index }
        table.discount(index)
        return nil
    }

    // MARK: Threads

    private func refresh(_ now: Moment) throws(RemoteReadError) {
        if now >= threadsDue {
            threadsDue = now + Self.threadsEvery
            try refreshThreads()
        }
        if now >= activityDue {
            activityDue = now + Self.activityEvery
            holder = (try? reader.lockHolder(runtime: process.runtime, interpreter: process.mainInterpreter)) ?? 0
            for index in watched.indices { watched[index].readActivity(of: process.pid) }
            watcher.look(at: now) { [self] in loopActivity(of: $0) }
        }
    }

    private func refreshThreads() throws(RemoteReadError) {
        var threads: [PythonThread] = []
        for interpreter in process.interpreters { threads += try reader.threads(interpreter: interpreter) }
        let isFirst = watched.isEmpty
        defer { if isFirst { watcher.discover([:], threads: watched.map { ($0.sampler.thread, $0.tid, $0.name) }) } }
        watched.removeAll { old in !threads.contains { $0 == old.sampler.thread } }
        for thread in threads where !watched.contains(where: { $0.sampler.thread == thread }) {
            let tid = TargetThreads.outerID(of: thread.tid, in: process.pid)
            threadCount += 1
            watched.append(
                WatchedThread(
                    sampler: ThreadSampler(thread, of: process), tid: tid,
                    name: TargetThreads.name(of: tid, in: process.pid), number: threadCount))
            info[threadCount] = (tid, watched[watched.count - 1].name)
        }
        // The thread that runs most is kept a CPU of its own, where there are several.
        if let busiest = watched.first(where: { $0.activity == .running && $0.cpu >= 0 }) {
            _ = ls_avoid_cpu(busiest.cpu)
        }
    }

    /// What a loop's thread was last seen doing.
    private func loopActivity(of tid: Int32) -> LoopActivity {
        guard let thread = watched.first(where: { $0.tid == tid }), let index = thread.lastStack,
            index < resolved.count, let stack = resolved[index]
        else { return .unknown }
        let isWaiting = waits[index] ?? (stack.turn?.isEmpty ?? true)
        waits[index] = isWaiting
        let isBarred = thread.activity == .idle && holder != 0 && holder != thread.sampler.thread.state
        return isWaiting ? .waiting : .working(stack, isBarred: isBarred)
    }

    private var threadCount: UInt64 = 0
    private var info: [UInt64: (tid: Int32, name: String)] = [:]

    // MARK: Windows

    /// Takes what was seen since the last window; `known` are event loops that a census has found.
    func takeWindow(from start: Moment, loops known: [RemoteAddress: String]) -> Window {
        let end = Moment.now()
        codes.beginWalk()
        reader.forgetTypes()
        var samples: [StackSample.Likeness: StackSample] = [:]
        let taken = max(1, table.entries.reduce(0) { $0 + $1.count })
        let weight = interval ?? Nanoseconds((end - start).count / Int64(taken) * Int64(max(1, watched.count)))
        for (index, entry) in table.entries.enumerated() where entry.count > 0 {
            guard let trace = resolved[index], isStillValid(entry) else {
                quality.taken -= entry.count
                quality.torn += entry.count
                continue
            }
            let tag = table.arena[entry.start]
            let thread = info[tag >> 2] ?? (0, "")
            let sample = StackSample(
                time: end, pid: process.pid, tid: thread.tid, thread: thread.name,
                activity: tag & 1 == 1 ? .idle : .running, holdsGIL: tag & 2 != 0, stack: trace, count: entry.count,
                weight: Nanoseconds(weight.count * Int64(entry.count)))
            if var alike = samples[sample.likeness] {
                alike.count += sample.count
                alike.weight = alike.weight + sample.weight
                samples[sample.likeness] = alike
            } else {
                samples[sample.likeness] = sample
            }
        }
        defer {
            quality = SampleQuality()
            if table.hasRoom(for: StackTable.wordLimit / 2) {
                table.clearCounts()
            } else {
                table.removeAll()
                resolved.removeAll(keepingCapacity: true)
                waits.removeAll(keepingCapacity: true)
                for index in watched.indices { watched[index].lastStack = nil }
            }
            for thread in watched { thread.sampler.weed() }
        }
        let stacks = Array(samples.values)
        let loops = watcher.window(from: start, to: end, pid: process.pid) { Self.busyShare(of: $0, in: stacks) }
        watcher.discover(known, threads: watched.map { ($0.sampler.thread, $0.tid, $0.name) })
        return Window(
            stacks: stacks, quality: quality, loops: loops, blocks: watcher.takeBlocks(), isGone: false)
    }

    /// The share of a thread's samples in which it ran, or its loop was in the middle of a turn: blocked, say.
    private static func busyShare(of tid: Int32, in stacks: [StackSample]) -> Double? {
        var (busy, all) = (0, 0)
        for stack in stacks where stack.tid == tid {
            all += stack.count
            if stack.activity == .running || stack.stack.turn?.isEmpty == false { busy += stack.count }
        }
        return all == 0 ? nil : Double(busy) / Double(all)
    }

    /// The frames of a stack, outermost first.
    private func trace(of entry: StackTable.Entry) throws(RemoteReadError) -> StackTrace? {
        var frames: [Frame] = []
        for place in stride(from: entry.start + 1, to: entry.start + entry.length - 1, by: 2) {
            guard let code = try codes.code(table.arena[place], reader) else { return nil }
            guard let unit = reader.unit(table.arena[place + 1], in: code) else { return nil }
            // The innermost frame may have been made and not yet begun (_PyFrame_IsIncomplete).
            if place == entry.start + 1, reader.isIncomplete(unit, in: code) { continue }
            frames.append(
                Frame(
                    kind: .python, function: code.qualifiedName, file: code.fileName, line: code.line(at: unit),
                    definition: sources.definitionLine(of: code)))
        }
        return frames.isEmpty ? nil : StackTrace(frames.reversed())
    }

    /// Whether all its code objects are still those that were read.
    private func isStillValid(_ entry: StackTable.Entry) -> Bool {
        for place in stride(from: entry.start + 1, to: entry.start + entry.length - 1, by: 2) {
            guard (try? codes.isUnchanged(table.arena[place], reader)) == true else { return false }
        }
        return true
    }
}

extension StackSampler.WatchedThread {
    /// Reads whether it runs, and where.
    fileprivate mutating func readActivity(of pid: Int32) {
        guard let bytes = try? ProcFS().read(pid, "task/\(tid)/stat", limit: 4096), let stat = ProcStat(parsing: bytes)
        else { return }
        activity = stat.state == "R" ? .running : .idle
        cpu = TargetThreads.processor(inStat: bytes) ?? -1
    }
}
