import Clocks
package import Observations
import Synchronization

/// Counts one connection and the instance that serves it. On the loop's thread only.
///
/// `@unchecked Sendable`: it travels with its connection, which never leaves its loop.
public final class InstanceMeter: @unchecked Sendable {
    private let loop: LoopInstrument
    /// What is written at every dispatch, and the way to it. `classMeter` holds what `message` and `receive` in it point to.
    package let seam: DispatchSeam
    private var cells: UnsafeMutablePointer<InstanceCells> { seam.cells }
    /// Its place in the loop's list.
    var place = -1 { didSet { cells.pointee.isListed = place >= 0 } }
    let connection: UInt64
    let path: String

    private(set) var classMeter: ClassMeter?
    private(set) var socket = SocketState.handshake
    private let openedAt = Moment.now()
    private(set) var closedAt: Moment?
    private(set) var channel: String?
    /// What is counted as its tasks from its start to its end: the same array for every instance of an application.
    private(set) var own: [String] = []
    /// Those that it started and that have not ended; they may outlive it.
    private(set) var started: [TaskOrigin: Int] = [:]
    private(set) var groups = 0
    private var hasStopped = false
    private(set) var hasEnded = false

    /// The errors of those of the last few dispatches that threw, by the dispatches' numbers.
    private var errors: [(number: UInt64, error: String)] = []

    /// Disconnects delivered to it.
    var disconnects: Int { cells.pointee.disconnects }
    /// Messages dispatched, the one under way included.
    var dispatches: UInt64 { cells.pointee.dispatches }
    /// Whether one is under way.
    var isDispatching: Bool { cells.pointee.isDispatching }
    /// Whether the last message was the first disconnect; `nil` when it was no disconnect.
    var lastIsFirstDisconnect: Bool? { cells.pointee.isDisconnect ? cells.pointee.disconnects == 1 : nil }

    init(loop: LoopInstrument, connection: UInt64, path: String, hasHandshake: Bool) {
        self.loop = loop
        self.connection = connection
        self.path = path
        seam = DispatchSeam(cells: InstanceCells.allocate(), turn: loop.turn)
        cells.pointee.owner = Unmanaged.passUnretained(self)
        // A request has no handshake: nobody waits for an answer to it before it is open.
        if !hasHandshake { socket = .open }
        step(.opened)
    }

    deinit { InstanceCells.free(cells) }

    private func step(
        _ step: ConnectionEvent.Step, code: Int? = nil, outcome: ConnectionEvent.Outcome? = nil, error: String? = nil
    ) {
        loop.record(
            .connection(
                ConnectionEvent(
                    time: Moment.now(), pid: loop.instrument.pid, connection: connection, step: step,
                    consumer: classMeter?.consumer, path: path, code: code, outcome: outcome, error: error)))
    }

    // MARK: The connection, as its server sees it

    /// The handshake was answered with 101.
    public func connectionAccepted() {
        socket = .open
        step(.accepted)
    }

    /// The handshake was answered with an error.
    public func connectionRejected(status: Int) { step(.rejected, code: status) }

    /// A close frame was sent or received.
    public func connectionCloses() { if socket == .open { socket = .closing } }

    /// The socket is gone.
    public func connectionClosed(code: Int?) {
        guard socket != .closed else { return }
        socket = .closed
        closedAt = Moment.now()
        step(.closed, code: code)
        if classMeter == nil { hasEnded = true }
        leaveIfOver()
    }

    // MARK: The instance

    /// An instance of `consumer` begins to serve the connection.
    ///
    /// - Parameters:
    ///   - type: its class, if the stops that it swallows are to be located.
    ///   - tasks: what is counted as its tasks until it ends.
    package func instanceStarted(
        _ consumer: String, type: Any.Type?, route: String?, channel: String? = nil, tasks: [String]
    ) {
        classMeter = loop.classMeter(consumer, route: route)
        cells.pointee.receive = nil
        if let type, let classMeter, classMeter.type == nil {
            classMeter.type = type
            loop.instrument.sawClass(consumer, type)
        }
        self.channel = channel
        step(.started)
        own = tasks
        self.classMeter?.count { $0.tasksStarted += tasks.count }
    }

    /// The instance threw `StopConsumer`: when it ends, it has stopped and not merely returned.
    package func instanceStopped() { hasStopped = true }

    /// The instance has ended, and with it the tasks that it was started with.
    package func instanceEnded(_ outcome: ConnectionEvent.Outcome, error: String? = nil) {
        loop.holderEnds(self)
        hasEnded = true
        if let classMeter {
            for event in lastDispatches() { loop.record(event) }
            classMeter.count { $0.tasksEnded += own.count }
            own = []
            step(.ended, outcome: outcome == .returned && hasStopped ? .stopped : outcome, error: error)
        }
        leaveIfOver()
    }

    /// Leaves the loop's list when nothing is left: neither socket nor instance, nor a task that has outlived both.
    private func leaveIfOver() { if hasEnded, socket == .closed, started.isEmpty { loop.remove(self) } }

    /// Where most of the tasks were started that it started and that have not ended.
    var starter: TaskOrigin? {
        started.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// A task of the instance begins.
    package func taskStarted(_ origin: TaskOrigin) {
        started[origin, default: 0] += 1
        classMeter?.count { $0.tasksStarted += 1 }
    }

    /// A task of the instance has ended, before the instance or after.
    package func taskEnded(_ origin: TaskOrigin) {
        let left = (started[origin] ?? 0) - 1
        started[origin] = left > 0 ? left : nil
        classMeter?.count { $0.tasksEnded += 1 }
        leaveIfOver()
    }

    /// The instance joined a group, or left one.
    package func countGroup(joined: Bool) {
        groups += joined ? 1 : -1
        classMeter?.count { joined ? ($0.groupsJoined += 1) : ($0.groupsLeft += 1) }
    }

    // MARK: Dispatches

    // What happens at nearly every message is in `DispatchSeam`; what is rare is here.

    /// A job of the instance's executor begins.
    ///
    /// - Parameters:
    ///   - begins: what it dispatches, when that begins with it.
    ///   - type: that message's type, as the protocol names it; asked for when it is not the usual one.
    package func jobBegins(_ begins: MessageKind?, type: () -> String) {
        if begins == .receive, seam.receiveBegins() { return }
        if let begins { return dispatchBegins(begins, type: type) }
        guard loop.wantsTime || cells.pointee.message != nil else { return }
        let now = loop.now()
        loop.jobBegins(at: now)
        guard cells.pointee.message != nil else { return }
        cells.pointee.segment = now
        seam.hold()
    }

    /// A dispatch begins.
    ///
    /// - Parameter type: the message's type, as the protocol names it; asked for when it is not the usual one.
    package func dispatchBegins(_ kind: MessageKind, type: () -> String) {
        let now = loop.now()
        let known = kind == .receive ? cells.pointee.receive : nil
        guard let message = known ?? classMeter?.message(type()).cells else { return loop.jobBegins(at: now) }
        if kind == .receive { cells.pointee.receive = message }
        seam.begin(message, at: now)
        guard kind == .disconnect else { return }
        cells.pointee.isDisconnect = true
        cells.pointee.wasDisconnected = true
        cells.pointee.disconnects += 1
        cells.pointee.hasReachedBase = false
        classMeter?.count { $0.disconnectsDelivered += 1 }
    }

    /// The dispatch ends. It is counted when the time of that is known: as the next job begins, or the batch ends.
    package func dispatchEnds(_ outcome: DispatchOutcome, error: String? = nil) {
        guard cells.pointee.message != nil else { return }
        if let error { errors = errors.suffix(Int(InstanceCells.eventLimit) - 1) + [(dispatches, error)] }
        if seam.end(outcome) { unusualEnd() }
    }

    /// What else there is to be done when a disconnect ends, or what is dispatched for a loop that knows the instance no more.
    @inline(never)
    func unusualEnd() {
        if cells.pointee.isDisconnect, cells.pointee.outcome == .returned { stopWasSwallowed() }
        if place < 0, let late = cells.pointee.end(at: loop.now()) { tell(late) }
    }

    /// Tells the dispatch that was counted last in full.
    @inline(never)
    func tell(_ late: InstanceCells.Late) { loop.record(.dispatch(event(late, number: dispatches))) }

    /// Once for each instance.
    private func stopWasSwallowed() {
        guard !cells.pointee.wasSwallowed, let classMeter, let type = classMeter.type else { return }
        cells.pointee.wasSwallowed = true
        loop.instrument.stopWasSwallowed(
            by: classMeter.consumer, type, reachedBase: cells.pointee.hasReachedBase)
    }

    private func event(_ late: InstanceCells.Late, number: UInt64) -> DispatchEvent {
        let label = loop.instrument.label(Int(late.label))
        return DispatchEvent(
            time: Moment(nanoseconds: late.began), pid: loop.instrument.pid, loop: loop.id, connection: connection,
            consumer: label?.consumer ?? "", message: label?.message ?? "", outcome: late.outcome,
            duration: Nanoseconds(late.duration), error: errors.first { $0.number == number }?.error)
    }

    /// The message that was dispatched last, or is being dispatched.
    var lastMessage: String? { loop.instrument.label(Int(cells.pointee.lastLabel))?.message }

    /// The last few dispatches, once.
    func lastDispatches() -> [Observation] {
        cells.pointee.takeLatest().map { .dispatch(event($0.late, number: $0.number)) }
    }

    // MARK: Stops

    /// A disconnect got past the overrides of `dispatch`.
    package func baseIsReached() { cells.pointee.hasReachedBase = true }

    /// As `stopIsThrown`, on a thread of synchronous code: from any thread.
    @inline(never)
    package func keepChain(of consumer: String) {
        guard loop.instrument.wantsChain(of: consumer), let chain = ReturnChain.capture() else { return }
        loop.instrument.keep(chain, of: consumer)
    }

    /// Keeps the way a `StopConsumer` goes, once for each class.
    @inline(never)
    package func stopIsThrown() async {
        guard let classMeter, loop.instrument.wantsChain(of: classMeter.consumer),
            let chain = loop.unwatched({ ReturnChain.capture() })
        else { return }
        loop.instrument.keep(chain, of: classMeter.consumer)
    }

    // MARK: For who begins to observe later

    /// The steps taken so far, with the times at which they were taken; an acceptance has the time of the opening.
    var stepsSoFar: [Observation] {
        var steps = [event(.opened, at: openedAt)]
        if socket == .open || socket == .closing { steps.append(event(.accepted, at: openedAt)) }
        if classMeter != nil { steps.append(event(.started, at: openedAt)) }
        if let closedAt { steps.append(event(.closed, at: closedAt)) }
        if hasEnded, classMeter != nil { steps.append(event(.ended, at: closedAt ?? openedAt)) }
        return steps
    }

    private func event(_ step: ConnectionEvent.Step, at time: Moment) -> Observation {
        .connection(
            ConnectionEvent(
                time: time, pid: loop.instrument.pid, connection: connection, step: step,
                consumer: classMeter?.consumer, path: path))
    }
}
