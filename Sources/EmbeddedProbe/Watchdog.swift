import ConsumerRuntime
@preconcurrency import Glibc
import Observations
import Synchronization

/// A thread that watches the heartbeats of all loops, and says which one is blocked, in what, for how long.
///
/// A thread of its own and not a task: a blocked loop may be one that the tasks' pool waits for.
final class Watchdog: Sendable {
    /// A heart that is later than this is missed.
    static let limit = Nanoseconds.milliseconds(100)
    /// How often it looks.
    private static let period = Nanoseconds.milliseconds(20)
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

    private func run() {
        var blocks: [String: LoopBlock] = [:]
        var told: Set<String> = []
        while !isStopping.load(ordering: .relaxed) {
            for loop in instrument.loops { look(at: loop, &blocks, &told) }
            usleep(UInt32(Self.period.count / 1000))
        }
        let left = blocks.filter { !told.contains($0.key) }.values
        if !left.isEmpty { sink.record(left.map { .block($0) }) }
    }

    private func look(at loop: LoopInstrument, _ blocks: inout [String: LoopBlock], _ told: inout Set<String>) {
        let beat = loop.lastBeat.load(ordering: .acquiring)
        let due = Moment(nanoseconds: beat) + LoopInstrument.beat
        let late = Clock.now() - due
        if var block = blocks[loop.id] {
            if beat == 0 || due > block.since {
                // The heart beats again: it beat first when the block was over.
                let seen = block.length
                block.length = max(seen, Moment(nanoseconds: beat) - block.since)
                if !told.contains(loop.id) { sink.record([.block(block)]) }
                blocks[loop.id] = nil
                told.remove(loop.id)
            } else {
                block.length = late
                blocks[loop.id] = block
                if late > Self.early, told.insert(loop.id).inserted { sink.record([.block(block)]) }
            }
        } else if beat != 0, late > Self.limit {
            let label = loop.current
            let stack = captureStack?(loop.thread.load(ordering: .relaxed)) ?? StackTrace([])
            blocks[loop.id] = LoopBlock(
                since: due, length: late, pid: instrument.pid, loop: loop.id, stack: stack, consumer: label?.consumer,
                message: label?.message)
        }
    }
}
