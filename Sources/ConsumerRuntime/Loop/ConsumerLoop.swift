public import Instruments
public import NIOCore

/// One event loop that runs consumers: its run queue, and its instrument.
///
/// The queue gives NIO's loop the shape of asyncio's `_run_once`: what becomes ready while a batch runs waits for the
/// next batch, and a consumer that yields waits for the next tick. NIO itself runs every task that is ready before it
/// asks the kernel for events again, so a consumer that is always ready would starve every socket of its loop.
///
/// `@unchecked Sendable`: everything but the constants is touched on the loop's thread only.
public final class ConsumerLoop: @unchecked Sendable {
    /// The event loop.
    public let loop: any EventLoop
    /// Counts what happens on it; `nil` when nobody is to be told.
    public let instrument: LoopInstrument?

    /// Batches run before the kernel is asked for events again.
    private static let batchesPerTick = 16
    /// How far ahead the next tick is asked for without a waker: far enough that NIO ends this tick before.
    private static let nextTick = TimeAmount.microseconds(200)

    private let ready = JobQueue()
    private var yielded: [UnsafeContinuation<Void, Never>] = []
    private var hasYielded = false
    /// Makes the kernel say at once that there is something to do: `tick` is to be called for it. A server installs it, so
    /// that a loop with a spinning consumer does not sleep between its ticks. On the loop.
    public var askForTick: (() -> Void)?
    private var isScheduled = false
    private var isRunning = false

    /// A loop that runs consumers.
    public init(_ loop: any EventLoop, instrument: LoopInstrument? = nil) {
        self.loop = loop
        self.instrument = instrument
    }

    /// Runs `body` on the loop: at once when this is its thread.
    func onLoop(_ body: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { body() } else { loop.execute(body) }
    }

    /// Puts a job in the run queue. On the loop.
    func enqueue(_ job: UnownedJob, of executor: ConsumerExecutor, begins: MessageKind?) {
        ready.append(job, of: executor, begins: begins)
        guard !isScheduled, !isRunning else { return }
        isScheduled = true
        loop.execute { self.run() }
    }

    /// Suspends until the next tick: after the sockets have been asked. On the loop.
    func yield() async {
        await withUnsafeContinuation { continuation in
            yielded.append(continuation)
            hasYielded = true
            scheduleNextTick()
        }
    }

    private func scheduleNextTick() {
        guard !isScheduled, !isRunning else { return }
        isScheduled = true
        if let askForTick { return askForTick() }
        loop.assumeIsolated().scheduleTask(in: Self.nextTick) { self.tick() }
    }

    /// Runs what waited for the next tick. On the loop; by whoever `askForTick` asked.
    public func tick() { run() }

    private func run() {
        isScheduled = false
        isRunning = true
        if hasYielded { resumeYielded() }
        var batches = 0
        while batches < Self.batchesPerTick, !ready.isEmpty {
            for _ in 0..<ready.count { ready.runFirst() }
            batches += 1
        }
        instrument?.turnEnds()
        isRunning = false
        if !ready.isEmpty || hasYielded { scheduleNextTick() }
    }

    private func resumeYielded() {
        hasYielded = false
        let resumed = yielded
        yielded.removeAll(keepingCapacity: true)
        for continuation in resumed { continuation.resume() }
    }
}
