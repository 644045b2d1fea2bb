import Clocks
import Instruments
@preconcurrency import Glibc
import Observations
import Synchronization

/// A thread that watches for a sign of life of all loops, and says which one is blocked, in what, for how long.
///
/// A thread of its own and not a task: a blocked loop may be one that the tasks' pool waits for.
final class Watchdog: Sendable {
    /// A loop that is later than this is missed.
    static let limit = Nanoseconds.milliseconds(100)
    /// How often it looks.
    private static let period = Nanoseconds.milliseconds(20)
    /// A look that comes so late says that the whole machine was held up.
    private static let stall = Nanoseconds.milliseconds(60)
    /// A block that lasts longer is told while it lasts.
    private static let early = Nanoseconds.seconds(1)

    private let instrument: Instrument
    private let sink: any ObservationSink
    private let captureStack: EmbeddedProbe.StackCapture?
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)

    init(instrument: Instrument, sink: any ObservationSink, captureStack: EmbeddedProbe.StackCapture?) {
        self.instrument = instrument
        self.sink = sink
        self.captureStack = captureStack
    }

    func start() {
        var made = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &made, nil,
            { context in
                if let context { Unmanaged<Watchdog>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        guard result == 0 else { return context.release() }
        thread.withLock { $0 = made }
    }

    /// Ends the thread; blocks under way are told as they stand.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        let thread = self.thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// What is known of one loop between two looks.
    private struct Watch {
        /// The account of its thread, kept open; `nil` when the kernel keeps none.
        var scheduler: SchedulerAccount?
        /// When it is to be heard of, when it was to be at the earliest since we look, and the scheduler's account as we saw that.
        var due: Int64
        var since: Moment
        var account: SchedulerReading?
        /// The block under way.
        var block: LoopBlock?
        var isTold = false
    }

    private func run() {
        var watches: [String: Watch] = [:]
        var lastLook = Moment.now()
        while !isStopping.load(ordering: .relaxed) {
            let now = Moment.now()
            // When we ourselves come late the machine stood still, and with it every loop: nobody is to blame.
            if now - lastLook > Self.stall { watches = watches.filter { $0.value.block != nil } }
            lastLook = now
            for loop in instrument.loops { look(at: loop, since: now, &watches) }
            usleep(UInt32(Self.period.count / 1000))
        }
        let left = watches.values.filter { !$0.isTold }.compactMap(\.block)
        if !left.isEmpty { sink.record(left.map { .block($0) }) }
    }

    private func look(at loop: LoopInstrument, since now: Moment, _ watches: inout [String: Watch]) {
        let next = loop.due.load(ordering: .acquiring)
        guard next != 0 else { return }
        let thread = loop.thread.load(ordering: .relaxed)
        var watch = watches[loop.id] ?? Watch(due: next, since: now)
        defer { watches[loop.id] = watch }
        if watch.scheduler?.thread != thread {
            watch.scheduler = SchedulerAccount(of: thread)
            watch.account = watch.scheduler?.read(state: false)
        }
        if next != watch.due {
            // It was heard of again: first when the block was over.
            if let block = watch.block, !watch.isTold { sink.record([.block(block)]) }
            watch = Watch(
                scheduler: watch.scheduler, due: next, since: Moment(nanoseconds: next),
                account: watch.scheduler?.read(state: false))
        }
        let due = max(watch.since, Moment(nanoseconds: next))
        let late = Moment.now() - due
        guard late > Self.limit else { return }
        // A loop that merely gets no CPU is late and not blocked.
        let account = watch.scheduler?.read(state: true)
        let occupied = account.flatMap { now in watch.account.map { now.occupied(since: $0, of: late) } } ?? late
        guard occupied > Self.limit || watch.block != nil else { return }
        if watch.block == nil {
            let label = loop.current
            watch.block = LoopBlock(
                since: due, length: occupied, pid: instrument.pid, loop: loop.id,
                stack: captureStack?(thread) ?? StackTrace([]), consumer: label?.consumer, message: label?.message)
        }
        guard var block = watch.block else { return }
        block.length = max(block.length, occupied)
        watch.block = block
        if occupied > Self.early, !watch.isTold {
            watch.isTold = true
            sink.record([.block(block)])
        }
    }
}
