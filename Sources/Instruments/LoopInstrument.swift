import CLinux
import Clocks
import NIOCore
public import Observations
import Statistics
public import Synchronization

/// Counts what happens on one loop, without locks, and hands it over each 100 ms.
///
/// `@unchecked Sendable`: touched on the loop's thread only, but for the atomics, which a watchdog reads.
public final class LoopInstrument: @unchecked Sendable {
    /// How often the heart beats of a loop that runs no consumers, and how long a batch of jobs has before it is missed.
    public static let beat = Nanoseconds.milliseconds(10)
    /// How often it beats on a loop whose consumers run in batches: each batch is a beat of its own, and a timer costs a
    /// virtual machine more than a hundred messages.
    public static let slowBeat = Nanoseconds.milliseconds(50)
    /// The length of a window.
    public static let window = Nanoseconds.milliseconds(100)
    /// Most classes and routes told apart on a loop; further ones are counted together.
    private static let classLimit = 256

    let instrument: Instrument
    let loop: any EventLoop
    /// The loop's id in observations.
    public let id: String
    /// When the loop is to be heard of next at the latest, in nanoseconds of the monotonic clock: a batch of jobs ends, or the
    /// heart beats. 0 when nobody is to wait for that.
    public let due = Atomic<Int64>(0)
    /// The kernel's id of the loop's thread; 0 before the first beat.
    public let thread = Atomic<Int32>(0)
    /// Who has the loop.
    let turn = LoopTurn.allocate()
    /// Whether there was ever a batch of jobs.
    private var hasRun = false

    private var threadName = ""
    private var windowStart = Moment.now()
    private var windowCPU = Nanoseconds.zero
    private var ticks = 0
    private var tickTime: Int64 = 0
    private var tickDurations = DurationHistogram()
    private var worstLag: Int64 = 0
    private var mostTasks = 0
    private var events: [Observation] = []
    private var classes: [ClassKey: ClassMeter] = [:]
    private var instances: [InstanceMeter] = []
    /// Who observes.
    var sinks: [(id: Int, sink: any ObservationSink)] = []
    private var wasObserved = false
    private var heart: Heart?
    private var beatDue = Moment(nanoseconds: 0)
    private var nextBeat: NIOScheduledCallback?

    private struct ClassKey: Hashable {
        var consumer: String
        var route: String?
    }

    init(instrument: Instrument, loop: any EventLoop, id: String) {
        self.instrument = instrument
        self.loop = loop
        self.id = id
        turn.pointee.loop = Unmanaged.passUnretained(self)
    }

    deinit { LoopTurn.free(turn) }

    /// What is being dispatched now, as another thread sees it.
    public var current: DispatchLabel? { instrument.label(Int(turn.pointee.dispatching.load(ordering: .relaxed))) }

    /// Does on the loop what is our own business, and not the application's: no watchdog waits for its heart meanwhile. Where a stop goes is
    /// looked at once for each class, and took 121 ms on a machine that had no processor to spare.
    func unwatched<Value>(_ body: () -> Value) -> Value {
        let due = self.due.exchange(0, ordering: .acquiringAndReleasing)
        defer { if due != 0 { self.due.store((Moment.now() + Self.beat).nanoseconds, ordering: .releasing) } }
        return body()
    }

    // MARK: Heart and windows

    /// Starts the heartbeat. On the loop.
    public func start() {
        threadName = currentThreadName()
        thread.store(ls_gettid(), ordering: .relaxed)
        windowStart = Moment.now()
        windowCPU = Nanoseconds.threadCPU()
        heart = Heart(self)
        scheduleBeat(after: windowStart, left: Self.window)
    }

    /// The next beat comes before the window ends, in which there is so much time left.
    private func scheduleBeat(after now: Moment, left: Nanoseconds) {
        guard let heart else { return }
        let pause = min(hasRun ? Self.slowBeat : Self.beat, max(left, .milliseconds(1)))
        beatDue = now + pause
        due.store(beatDue.nanoseconds, ordering: .releasing)
        nextBeat = try? loop.scheduleCallback(in: .nanoseconds(pause.count), handler: heart)
    }

    /// Ends the heartbeat and hands over what is left. On the loop.
    public func stop() {
        nextBeat?.cancel()
        (nextBeat, heart) = (nil, nil)
        due.store(0, ordering: .releasing)
        turnEnds()
        for meter in instances { events += meter.lastDispatches() }
        flush(at: Moment.now())
        // These refer to the loop, as its instrument does: a server that has stopped is let go.
        classes = [:]
        for meter in instances { meter.place = -1 }
        instances = []
        instrument.loopStopped(self)
    }

    /// Counts a tick. On the loop; from NIO's metrics delegate.
    public func tick(nanoseconds: Int64, tasks: Int) {
        ticks += 1
        tickTime += nanoseconds
        tickDurations.record(nanoseconds)
        mostTasks = max(mostTasks, tasks)
    }

    fileprivate func beatNow() {
        let now = Moment.now()
        worstLag = max(worstLag, (now - beatDue).count)
        let length = now - windowStart
        scheduleBeat(after: now, left: length >= Self.window ? Self.window : Self.window - length)
        if length >= Self.window { flush(at: now) }
    }

    /// Hands over the window. On the loop.
    public func flush(at now: Moment) {
        let length = now - windowStart
        let cpu = Nanoseconds.threadCPU()
        let spent = cpu - windowCPU
        var observations = events
        observations.append(
            .loop(
                LoopWindow(
                    start: windowStart, length: length, pid: instrument.pid, loop: id, thread: threadName,
                    grade: .exact, ticks: ticks, busy: min(length, max(Nanoseconds(tickTime), spent)), threadCPU: spent,
                    tickDurations: tickDurations, heartbeatLag: Nanoseconds(worstLag), readyHandles: mostTasks)))
        for meter in classes.values { meter.flush(from: windowStart, length: length, into: &observations) }
        if sinks.isEmpty, !wasObserved { instrument.keep(observations) }
        for (_, sink) in sinks { sink.record(observations) }
        events.removeAll(keepingCapacity: true)
        (ticks, tickTime, worstLag, mostTasks) = (0, 0, 0, 0)
        tickDurations = DurationHistogram()
        windowStart = now
        windowCPU = cpu
    }

    // MARK: Who has the loop

    /// Whether a job is to read the clock as it begins, although it dispatches nothing: it is the first of its batch, or
    /// somebody has the loop until then.
    var wantsTime: Bool { turn.pointee.began == 0 || turn.pointee.cells != nil }

    /// The time of what is counted. On the loop.
    func now() -> Int64 { turn.pointee.clock.now() }

    /// A job begins: whoever had the loop has had it until now.
    func jobBegins(at now: Int64) { turn.pointee.jobBegins(at: now) }

    /// As a job that begins now, if it is this instance that has the loop.
    func holderEnds(_ meter: InstanceMeter) {
        if turn.pointee.cells == meter.seam.cells { turn.pointee.holderEnds(at: now()) }
    }

    /// The loop is alive: it begins to run what is ready.
    func turnBegins(at now: Int64) {
        hasRun = true
        // While the heart beats, somebody may wait for it.
        if heart != nil { due.store(now + Self.beat.count, ordering: .releasing) }
    }

    /// A job of no instance begins. On the loop.
    package func otherJobBegins() { if wantsTime { jobBegins(at: now()) } }

    /// A batch of jobs is over: as long as it took, nothing else had its turn. On the loop.
    package func turnEnds() {
        let began = turn.pointee.began
        guard began != 0 else { return }
        turn.pointee.began = 0
        let now = now()
        turn.pointee.holderEnds(at: now)
        worstLag = max(worstLag, now - began)
        if heart != nil {
            due.store(max(beatDue.nanoseconds, now + Self.beat.count), ordering: .releasing)
        }
    }

    // MARK: Connections

    /// A connection is opened. On the loop.
    ///
    /// - Parameter hasHandshake: whether it has yet to be accepted.
    package func connectionOpened(path: String, hasHandshake: Bool) -> InstanceMeter {
        let meter = InstanceMeter(
            loop: self, connection: instrument.nextConnection(), path: path, hasHandshake: hasHandshake)
        meter.place = instances.count
        instances.append(meter)
        return meter
    }

    func remove(_ meter: InstanceMeter) {
        guard meter.place >= 0 else { return }
        holderEnds(meter)
        let last = instances.removeLast()
        if last !== meter {
            instances[meter.place] = last
            last.place = meter.place
        }
        meter.place = -1
    }

    func record(_ observation: Observation) { events.append(observation) }

    func classMeter(_ consumer: String, route: String?) -> ClassMeter {
        var key = ClassKey(consumer: consumer, route: route)
        if classes[key] == nil, classes.count >= Self.classLimit {
            key = ClassKey(consumer: "other classes", route: nil)
        }
        if let meter = classes[key] { return meter }
        let meter = ClassMeter(loop: self, consumer: key.consumer, route: key.route)
        classes[key] = meter
        return meter
    }

    // MARK: Who observes

    /// Runs `body` on the loop: at once when this is its thread.
    func onLoop(_ body: @escaping @Sendable (LoopInstrument) -> Void) {
        if loop.inEventLoop { body(self) } else { loop.execute { body(self) } }
    }

    func attach(_ sink: any ObservationSink, id: Int, isFirst: Bool) {
        guard !sinks.contains(where: { $0.id == id }) else { return }
        flush(at: Moment.now())
        if isFirst {
            sink.record(instrument.takeKept())
        } else {
            sink.record(standing)
        }
        wasObserved = true
        sinks.append((id, sink))
    }

    func detach(_ id: Int) { sinks.removeAll { $0.id == id } }

    /// Where everything stands: the steps of who is alive, and what is still to be balanced of each class.
    private var standing: [Observation] {
        let now = Moment.now()
        var disconnects: [String: Int] = [:]
        for instance in instances {
            if let consumer = instance.classMeter?.consumer {
                disconnects[consumer, default: 0] += instance.disconnects
            }
        }
        return instances.flatMap(\.stepsSoFar)
            + classes.values.compactMap { meter in
                var left = ConsumerWindow(start: now, length: .zero, pid: instrument.pid, consumer: meter.consumer)
                left.tasksStarted = meter.total.tasksStarted - meter.total.tasksEnded
                left.groupsJoined = meter.total.groupsJoined - meter.total.groupsLeft
                // Classes are told apart by route too: the first of them tells the disconnects of all.
                left.disconnectsDelivered = disconnects.removeValue(forKey: meter.consumer) ?? 0
                return left == ConsumerWindow(start: now, length: .zero, pid: instrument.pid, consumer: meter.consumer)
                    ? nil : .consumer(left)
            }
    }

    /// The connections of this loop. On the loop.
    var liveInstances: [InstanceMeter] { instances }

    /// Puts the last few dispatches of each instance into the window under way. On the loop.
    func handOverLatest() { for meter in instances { events += meter.lastDispatches() } }
}

/// What NIO calls at each beat: a callback costs it less than a task. It does not keep the instrument alive.
///
/// `@unchecked Sendable`: touched on the loop's thread only.
private final class Heart: NIOScheduledCallbackHandler, @unchecked Sendable {
    private weak var loop: LoopInstrument?

    init(_ loop: LoopInstrument) { self.loop = loop }

    func handleScheduledCallback(eventLoop: some EventLoop) { loop?.beatNow() }
}
