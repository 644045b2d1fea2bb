import Clocks
import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// Counts the dispatches of consumers that spin.
///
/// A dispatch loop replaces its receive task after each message (channels/utils.py `await_many_dispatch`), and asyncio
/// numbers tasks as it creates them: an instance whose receive task has another number than at the last look was dispatched
/// since. It is looked at in bursts, whose pauses grow to many dispatches. Between two looks this thread sleeps: it counts
/// as well where the target has the same processor, and takes none from the target's other threads.
///
/// One thread.
struct DispatchCounter {
    /// Instances of a class that are watched at most.
    private static let instanceLimit = 8
    /// Pauses between the looks of a burst. A sleep takes some 60 µs more than it should.
    private static let pauses = [1, 150, 450, 1_350, 4_050].map { Nanoseconds.microseconds($0) }
    /// The same instances are looked at in so many bursts at most, and others are chosen so long after they were. A class that
    /// is seldom dispatched is looked at until so many dispatches of it were seen; one whose dispatches come in bursts is
    /// seen often or never in a few looks.
    private static let (burstLimit, enough, leastBursts) = (96, 20, 16)
    private static let round = Nanoseconds.seconds(5)
    /// How often a number is read that changes while it is.
    private static let tries = 4
    /// How long after a burst the next one is made.
    static let pause = Nanoseconds.milliseconds(30)
    /// What was counted is told by the census that comes at most so long after instances were chosen.
    static let toldWithin = Nanoseconds.milliseconds(1_200)

    private let process: PythonProcess
    private var due = Moment(nanoseconds: .min)
    private var progress: [UInt64: UInt64] = [:]
    private var classes: [WatchedClass] = []
    private var bursts = 0
    /// The greatest number as of the first look and the last one.
    private var (first, last): (Newest?, Newest?)
    private typealias Newest = (number: Int, time: Moment)

    init(_ process: PythonProcess) { self.process = process }

    /// Whether somebody is watched, so that a census soon would tell how often they were dispatched.
    var isWatching: Bool {
        guard !classes.isEmpty, bursts < Self.burstLimit else { return false }
        let counts = bursts < Self.leastBursts ? [:] : self.counts
        return counts.isEmpty || counts.values.contains { $0.count < Self.enough }
    }

    /// Adds what was counted since the last census, and chooses whom to watch where consumers spin.
    mutating func note(_ census: inout Census) {
        if bursts >= Self.leastBursts {
            let counts = counts
            for place in census.connections.consumers.indices {
                census.connections.consumers[place].dispatches = counts[census.connections.consumers[place].consumer]
            }
        }
        let spinning = census.connections.instances.filter { isSpinning($0) }
        progress = Dictionary(
            census.connections.instances.compactMap { row in row.progress.map { (row.id, $0) } },
            uniquingKeysWith: { $1 })
        guard census.connections.time >= due, !spinning.isEmpty else { return }
        due = census.connections.time + Self.round
        (classes, bursts, first, last) = (choose(spinning, census.receiveLists), 0, nil, nil)
    }

    private func isSpinning(_ row: ConsumerInstance) -> Bool {
        guard row.socket == .closed, row.lastMessage == "websocket.disconnect" else { return false }
        return row.lastMessageIsFirstDisconnect == false || progress[row.id].map { $0 != row.progress } ?? false
    }

    /// Some of each class; nobody where none of one can be looked at. A list stays where it is for as long as its dispatch
    /// loop runs; its first task is the one that receives what the server sends: the disconnect.
    private func choose(_ spinning: [ConsumerInstance], _ lists: [UInt64: RemoteAddress]) -> [WatchedClass] {
        let classes = Dictionary(grouping: spinning, by: \.consumer).sorted { $0.key < $1.key }.map { consumer, rows in
            let slots = rows.prefix(Self.instanceLimit).compactMap { row in
                lists[row.id].flatMap { list in list == 0 ? nil : try? process.memory.pointer(list &+ 24) }
            }
            return WatchedClass(consumer: consumer, spinning: rows.count, slots: slots)
        }
        return classes.contains { $0.slots.isEmpty } ? [] : classes
    }

    /// What was seen of each class; empty where too little was.
    private var counts: [String: DispatchCount] {
        guard let first, let last, last.time > first.time, last.number > first.number else { return [:] }
        let rate = Double(last.number - first.number) / (last.time - first.time).seconds
        return WatchedClass.counts(of: classes, tasksPerSecond: rate)
    }

    // MARK: Looks

    /// Looks some times, if somebody is to be watched.
    mutating func look() {
        guard isWatching else { return }
        bursts += 1
        let reader = ObjectReader(process.memory, layout: process.layout)
        var before: Moment?
        for pause in [nil] + Self.pauses.map(\.self) {
            if let pause { Moment.sleep(until: .now() + pause) }
            let now = Moment.now()
            var newest: Int?
            for place in classes.indices {
                let numbers = classes[place].slots.map { number(in: $0, reader) }
                classes[place].note(numbers, after: before.map { now - $0 })
                newest = numbers.reduce(newest) { greatest, number in max(greatest ?? 0, number ?? 0) }
            }
            before = now
            guard let newest else { continue }
            first = first ?? (newest, now)
            last = (newest, now)
        }
    }

    /// The number of the task in a slot. A task that was replaced while it was read may have left anything.
    private func number(in slot: RemoteAddress, _ reader: ObjectReader) -> Int? {
        for _ in 0..<Self.tries {
            guard let task = try? process.memory.pointer(slot) else { return nil }
            let number = (try? reader.label(ofTask: task))??.number
            if (try? process.memory.pointer(slot)) == task { return number }
        }
        return nil
    }
}

/// The instances of a class that are watched, and what was seen of them. Pure.
struct WatchedClass {
    /// The class.
    let consumer: String
    /// How many spin, watched or not.
    let spinning: Int
    /// Where the dispatch loop of each keeps the task that receives from the server.
    let slots: [RemoteAddress]
    /// The number of each at the last look; `nil` where it could not be read.
    private var numbers: [Int?] = []
    private var windows = DispatchWindows()

    init(consumer: String, spinning: Int, slots: [RemoteAddress]) {
        (self.consumer, self.spinning, self.slots) = (consumer, spinning, slots)
    }

    /// The numbers as of this look, so long after the last one; `nil` if there was none just before.
    mutating func note(_ now: [Int?], after length: Nanoseconds?) {
        if let length {
            let steps = zip(numbers, now).compactMap { old, new in old.flatMap { old in new.map { $0 != old } } }
            windows.add(length, instances: steps.count, hits: steps.count { $0 })
        }
        numbers = now
    }

    /// What was seen of each class; empty where too little was seen of one.
    ///
    /// Of one that is dispatched too often for any window, or in bursts, too few dispatches are seen. So the class that is
    /// dispatched most has all tasks that are none of the others'; if there are more such classes they share them by their
    /// instances, which take turns on the loop.
    ///
    /// - Parameter tasksPerSecond: tasks that the process made a second meanwhile, one for each dispatch.
    static func counts(of classes: [WatchedClass], tasksPerSecond: Double) -> [String: DispatchCount] {
        guard let most = classes.map({ $0.windows.hits?.part ?? 0 }).max(), most > 0 else { return [:] }
        var (counts, fast): ([String: DispatchCount], [(mine: WatchedClass, hits: Int)]) = ([:], [])
        var rest = tasksPerSecond
        // One that spins alone has them all.
        for mine in classes {
            guard let hits = mine.windows.hits else { return [:] }
            if hits.part < most, let count = mine.windows.count(instances: mine.slots.count) {
                counts[mine.consumer] = count
                rest -= Double(mine.spinning) * (count.perSecondEach ?? 0)
            } else {
                fast.append((mine, hits.count))
            }
        }
        let each = rest / Double(fast.reduce(0) { $0 + $1.mine.spinning })
        for (mine, hits) in fast {
            let seconds = Double(hits) / Double(mine.slots.count) / each
            guard each > 0, seconds < 1e9 else { return [:] }
            counts[mine.consumer] = DispatchCount(
                count: hits, span: Nanoseconds(Int64(seconds * 1e9)), instances: mine.slots.count)
        }
        return counts
    }
}
