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
/// had no processor for longer, that time is not counted. Some looks are spread over the time between two censuses, since
/// the target may have no processor during any one of them.
///
/// One thread.
struct DispatchCounter {
    /// Instances of a class that are watched at most, tasks that are looked at to find them, and slots of a list.
    private static let (instanceLimit, taskLimit, slotLimit) = (8, 4096, 4)
    /// How long a look takes, and the longest pause between two readings in which nothing is missed.
    private static let (span, gap) = (Nanoseconds.milliseconds(4), Nanoseconds.microseconds(20))
    /// Looks at the same instances, and how long after the first of them others are chosen.
    private static let (looks, round) = (16, Nanoseconds.seconds(5))

    private let process: PythonProcess
    private let codes = CodeTable()
    private var due = Moment(nanoseconds: .min)
    private var progress: [UInt64: UInt64] = [:]
    private var loops: [Loop] = []
    private var looksLeft = 0
    private var watched = Nanoseconds.zero

    init(_ process: PythonProcess) { self.process = process }

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
        due = census.time + Self.round
        (loops, watched, looksLeft) = (loops(of: spinning), .zero, Self.looks)
    }

    private func isSpinning(_ row: ConsumerInstance) -> Bool {
        guard row.socket == .closed, row.lastMessage == "websocket.disconnect" else { return false }
        return row.lastMessageIsFirstDisconnect == false || progress[row.id].map { $0 != row.progress } ?? false
    }

    /// The lists of some instances of each class.
    private func loops(of spinning: [ConsumerInstance]) -> [Loop] {
        let wanted = Dictionary(spinning.map { ($0.id, $0.consumer) }, uniquingKeysWith: { $1 })
        var left = Dictionary(grouping: spinning, by: \.consumer).mapValues { min($0.count, Self.instanceLimit) }
        let reader = ObjectReader(process.memory, layout: process.layout)
        codes.beginWalk()
        var loops: [Loop] = []
        for interpreter in process.interpreters {
            guard let asyncio = (try? reader.asyncio(interpreter: interpreter)) ?? nil else { continue }
            for task in ((try? reader.tasks(of: asyncio, interpreter: interpreter)) ?? []).prefix(Self.taskLimit) {
                guard left.values.contains(where: { $0 > 0 }) else { return loops }
                // What moves while it is read is passed over: another of its class will do.
                guard task.state == .pending, let chain = try? reader.chain(of: task.coroutine, codes),
                    let sighting = (try? reader.consumer(of: chain)) ?? nil,
                    let consumer = wanted[sighting.instance], left[consumer] ?? 0 > 0, let frame = sighting.loop,
                    let list = try? reader.local("tasks", of: frame), list != 0,
                    let count = (try? reader.count(list)) ?? nil, count > 0,
                    let items = try? process.memory.pointer(list &+ 24), items != 0
                else { continue }
                left[consumer]? -= 1
                loops.append(Loop(consumer: consumer, items: items, count: min(count, Self.slotLimit)))
            }
        }
        return loops
    }

    /// Watches them for some milliseconds, if any are to be watched.
    mutating func look() {
        let slots = loops.reduce(0) { $0 + $1.count }
        guard looksLeft > 0, slots > 0 else { return }
        looksLeft -= 1
        var gather = GatherRead(ranges: loops.count, bytes: slots * 8)
        for index in loops.indices {
            guard let offset = gather.append(loops[index].items, count: loops[index].count * 8) else { return }
            loops[index].offset = offset
        }
        var last = [UInt64](repeating: 0, count: slots)
        var before: Moment?
        let end = Moment.now() + Self.span
        while before == nil || before ?? end < end {
            guard (try? process.memory.read(gather)) != nil else { return looksLeft = 0 }
            let now = Moment.now()
            let isWhole = before.map { now - $0 <= Self.gap } ?? false
            if let before, isWhole { watched = watched + (now - before) }
            for index in loops.indices {
                let first = loops[index].offset / 8
                for slot in first..<first + loops[index].count {
                    let task = gather.buffer.loadUnaligned(fromByteOffset: slot * 8, as: UInt64.self)
                    if task != last[slot], isWhole { loops[index].dispatches += 1 }
                    last[slot] = task
                }
            }
            before = now
        }
    }
}
