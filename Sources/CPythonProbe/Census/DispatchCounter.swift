import CLinux
import Clocks
import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// Counts the dispatches of consumers that spin, where several classes do: what tasks a process creates says only how
/// many dispatches all of them make together.
///
/// A dispatch loop replaces its receive task with each message (channels/utils.py `await_many_dispatch`), and the new task
/// is made before the old one goes, so its address differs. The lists of those tasks are read again and again for some
/// milliseconds, all in one system call, some three microseconds apart: no dispatch is that short. Where our own thread
/// had no processor for longer, that time is not counted. Looks are spread over the time between two censuses, since the
/// target may have no processor during any one of them; and a look is made from another processor than the target's, since
/// on one they would take turns, and each turn lasts as long as a look.
///
/// One thread.
struct DispatchCounter {
    /// Instances of a class that are watched at most, tasks that are looked at to find them, and slots of a list.
    private static let (instanceLimit, taskLimit, slotLimit) = (8, 4096, 4)
    /// How often a class is looked for of which every instance has moved.
    private static let tries = 8
    /// How long a look takes, and the longest pause between two readings in which nothing is missed: the quickest dispatch
    /// loops replace a task each 50 µs, and a reading takes up to 20 from a kernel with a hook on it.
    private static let (span, gap) = (Nanoseconds.milliseconds(4), Nanoseconds.microseconds(40))
    /// A look in which nothing has moved for so long ends: the target has no processor.
    private static let idle = Nanoseconds.milliseconds(1)
    /// How long the same instances are watched at most, and how long after the first look others are chosen. A class that
    /// is seldom dispatched beside one that takes the loop is looked at longer: until as many as `enough` of each were seen.
    /// One whose dispatches come in bursts is seen often or never in a few looks: no fewer than `least` are told.
    private static let (budget, enough, round) = (Nanoseconds.milliseconds(128), 20, Nanoseconds.seconds(5))
    private static let least = Nanoseconds.milliseconds(32)
    /// What was counted is told by the census that comes at most so long after instances were chosen.
    static let toldWithin = Nanoseconds.milliseconds(1_200)

    private let process: PythonProcess
    private let codes = CodeTable.withRoles()
    private var due = Moment(nanoseconds: .min)
    private var progress: [UInt64: UInt64] = [:]
    private var loops: [Loop] = []
    private let mainThread: ThreadState?
    private var left = Nanoseconds.zero
    private var watched = Nanoseconds.zero

    init(_ process: PythonProcess) {
        self.process = process
        // Loops of servers run there; where one does not, looks may take turns with it.
        mainThread = try? ThreadState(of: process.pid, in: process.pid)
    }

    /// Whether somebody is watched, so that a census soon would tell how often they were dispatched.
    var isWatching: Bool { !loops.isEmpty && left > .zero && (isScarce || watched < Self.least) }

    /// One dispatch loop's list of receive tasks.
    private struct Loop {
        let consumer: String
        let items: RemoteAddress
        let count: Int
        var offset = 0
        var dispatches = 0
    }

    /// Adds what was counted since the last census, and chooses whom to watch where consumers of several classes spin.
    mutating func note(_ census: inout ConnectionCensus) {
        if watched > .zero {
            for (consumer, mine) in Dictionary(grouping: loops, by: \.consumer) {
                guard let place = census.consumers.firstIndex(where: { $0.consumer == consumer }) else { continue }
                census.consumers[place].dispatches = DispatchCount(
                    count: mine.reduce(0) { $0 + $1.dispatches }, span: watched, instances: mine.count)
            }
        }
        let spinning = census.instances.filter { isSpinning($0) }
        progress = Dictionary(
            census.instances.compactMap { row in row.progress.map { (row.id, $0) } }, uniquingKeysWith: { $1 })
        guard census.time >= due, Set(spinning.map(\.consumer)).count > 1 else { return }
        let found = loops(of: spinning)
        // A share of one class alone says nothing: where one could not be found, all are looked for at the next census.
        guard Set(found.map(\.consumer)) == Set(spinning.map(\.consumer)) else { return loops = [] }
        due = census.time + Self.round
        (loops, watched, left) = (found, .zero, Self.budget)
    }

    private func isSpinning(_ row: ConsumerInstance) -> Bool {
        guard row.socket == .closed, row.lastMessage == "websocket.disconnect" else { return false }
        return row.lastMessageIsFirstDisconnect == false || progress[row.id].map { $0 != row.progress } ?? false
    }

    /// The lists of some instances of each class. What moves while it is read is passed over: another of its class will
    /// do, or else the same a moment later.
    private func loops(of spinning: [ConsumerInstance]) -> [Loop] {
        let wanted = Dictionary(spinning.map { ($0.id, $0.consumer) }, uniquingKeysWith: { $1 })
        var found: [UInt64: Loop] = [:]
        for _ in 0..<Self.tries {
            find(wanted, &found)
            if Set(found.values.map(\.consumer)) == Set(wanted.values) { break }
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Finds lists of instances that are wanted, by instance, and adds them.
    private func find(_ wanted: [UInt64: String], _ found: inout [UInt64: Loop]) {
        var left = Dictionary(grouping: wanted.values, by: \.self).mapValues { min($0.count, Self.instanceLimit) }
        for loop in found.values { left[loop.consumer]? -= 1 }
        let reader = ObjectReader(process.memory, layout: process.layout)
        codes.beginWalk()
        for interpreter in process.interpreters {
            guard let asyncio = (try? reader.asyncio(interpreter: interpreter)) ?? nil else { continue }
            for task in ((try? reader.tasks(of: asyncio, interpreter: interpreter)) ?? []).prefix(Self.taskLimit) {
                guard left.values.contains(where: { $0 > 0 }) else { return }
                guard task.state == .pending, let chain = try? reader.chain(of: task.coroutine, codes),
                    let sighting = (try? reader.consumer(of: chain)) ?? nil, found[sighting.instance] == nil,
                    let consumer = wanted[sighting.instance], left[consumer] ?? 0 > 0, let frame = sighting.loop,
                    let list = try? reader.local("tasks", of: frame), list != 0,
                    let count = (try? reader.count(list)) ?? nil, count > 0,
                    let items = try? process.memory.pointer(list &+ 24), items != 0
                else { continue }
                left[consumer]? -= 1
                found[sighting.instance] = Loop(consumer: consumer, items: items, count: min(count, Self.slotLimit))
            }
        }
    }

    /// Whether too little was seen of a class.
    private var isScarce: Bool {
        Dictionary(grouping: loops, by: \.consumer).values.contains { mine in
            mine.reduce(0) { $0 + $1.dispatches } < Self.enough
        }
    }

    /// Watches them for some milliseconds, if any are to be watched.
    mutating func look() {
        let slots = loops.reduce(0) { $0 + $1.count }
        guard isWatching, slots > 0 else { return }
        if let processor = mainThread?.read()?.processor { _ = ls_avoid_cpu(processor) }
        var gather = GatherRead(ranges: loops.count, bytes: slots * 8)
        for index in loops.indices {
            guard let offset = gather.append(loops[index].items, count: loops[index].count * 8) else { return }
            loops[index].offset = offset
        }
        var last = [UInt64](repeating: 0, count: slots)
        var before: Moment?
        let begin = Moment.now()
        var (seen, moved) = (Nanoseconds.zero, false)
        while (before ?? begin) - begin < (moved ? Self.span : Self.idle) {
            guard (try? process.memory.read(gather)) != nil else { return left = .zero }
            let now = Moment.now()
            let isWhole = before.map { now - $0 <= Self.gap } ?? false
            if let before, isWhole { seen = seen + (now - before) }
            for index in loops.indices {
                let first = loops[index].offset / 8
                for slot in first..<first + loops[index].count {
                    let task = gather.buffer.loadUnaligned(fromByteOffset: slot * 8, as: UInt64.self)
                    if task != last[slot], isWhole {
                        loops[index].dispatches += 1
                        moved = true
                    }
                    last[slot] = task
                }
            }
            before = now
        }
        // Where nothing moves, the target had no processor, or all of them have ended: neither says how often they turn.
        if moved { watched = watched + seen }
        left = left - ((before ?? begin) - begin)
    }
}
