import Clocks
import Glibc
public import NIOCore
public import Observations
import Synchronization

/// Everything that is counted about one runtime: hand it to a server, and to a probe.
///
/// Loops count without locks and hand over a window each 100 ms, to as many probes as observe. For a first probe, what is
/// handed over before is kept, up to a limit, so that nothing is missed between the start of a server and the start of
/// the probe. A later one is told who is alive: it begins with the steps that those have taken so far.
public final class Instrument: Sendable {
    /// Most observations kept for a probe that has not come yet.
    public static let pendingLimit = 1 << 16

    private struct LayerKey: Hashable {
        var kind: LayerEvent.Kind
        var layer: String
        var group: String?
    }

    private struct State {
        var sinks: [(id: Int, sink: any ObservationSink)] = []
        var attached = 0
        var pending: [Observation] = []
        var dropped = 0
        var loops: [LoopInstrument] = []
        /// Loops made so far: their ids.
        var made = 0
        var layerEvents: [LayerKey: Int] = [:]
        var layers: [@Sendable () -> LayerCensus] = []
        var labels: [DispatchLabel] = [DispatchLabel(consumer: "", message: "")]
        var chains: [String: ReturnChain] = [:]
        var swallowed: Set<String> = []
        var unlocated: [SwallowedClass] = []
        var located: [Observation] = []
        var seen: Set<String> = []
        var unseen: [SeenClass] = []
    }

    private let state = Mutex(State())
    private let connections = Atomic<UInt64>(0)
    /// Whether what happens before the first probe comes is kept for it.
    let keepsBeginning: Bool
    /// The process.
    public let pid: Int32

    /// An instrument of this process.
    ///
    /// - Parameter keepsBeginning: keep what happens before the first probe comes: for a program that observes itself
    ///   from its start. One that waits for probes from outside keeps nothing.
    public init(keepsBeginning: Bool = true) {
        self.keepsBeginning = keepsBeginning
        pid = getpid()
    }

    /// The instrument of one loop. Call it once for each, before it runs consumers.
    public func makeLoop(_ loop: any EventLoop) -> LoopInstrument {
        state.withLock { state in
            state.made += 1
            let made = LoopInstrument(instrument: self, loop: loop, id: String(state.made))
            state.loops.append(made)
            // A loop that comes later is observed by who observes already.
            made.sinks = state.sinks
            return made
        }
    }

    /// A loop counts nothing any more: it is let go, and with it what it holds of this.
    func loopStopped(_ loop: LoopInstrument) { state.withLock { $0.loops.removeAll { $0 === loop } } }

    /// The loops there are.
    public var loops: [LoopInstrument] { state.withLock(\.loops) }

    // MARK: Who observes

    /// Sends everything from now on to `sink`: to the first one what was kept before, to a later one where everything
    /// stands. From any thread; a loop begins with its next turn.
    ///
    /// - Returns: a number for `detach`.
    public func attach(_ sink: any ObservationSink) -> Int {
        let (id, loops, located) = state.withLock { state in
            state.attached += 1
            state.sinks.append((state.attached, sink))
            return (state.attached, state.loops, state.located)
        }
        sink.record(located)
        let isFirst = id == 1 && keepsBeginning
        for loop in loops { loop.onLoop { $0.attach(sink, id: id, isFirst: isFirst) } }
        return id
    }

    /// Sends nothing more to the sink of this number.
    public func detach(_ id: Int) {
        let loops = state.withLock { state in
            state.sinks.removeAll { $0.id == id }
            return state.loops
        }
        for loop in loops { loop.onLoop { $0.detach(id) } }
    }

    /// Gives something that is not one loop's to all who observe.
    package func tell(_ observations: [Observation]) {
        guard !observations.isEmpty else { return }
        for (_, sink) in state.withLock(\.sinks) { sink.record(observations) }
    }

    /// Gives located stops to all who observe, and to those who come later.
    package func tell(located observations: [Observation]) {
        state.withLock { $0.located += observations }
        tell(observations)
    }

    /// Keeps what a loop hands over before anybody observes.
    func keep(_ observations: [Observation]) {
        guard keepsBeginning else { return }
        state.withLock { state in
            let room = Self.pendingLimit - state.pending.count
            state.pending += observations.prefix(room)
            state.dropped += max(0, observations.count - room)
        }
    }

    /// What was kept.
    func takeKept() -> [Observation] {
        state.withLock { state in
            defer { (state.pending, state.dropped) = ([], 0) }
            guard state.dropped > 0 else { return state.pending }
            let text = "\(state.dropped) observations were made before observing began and are lost"
            return state.pending + [.note(ProbeNote(time: Moment.now(), pid: pid, text: text))]
        }
    }

    func nextConnection() -> UInt64 { connections.add(1, ordering: .relaxed).newValue }

    // MARK: Layers

    /// Has each census ask a layer for its groups.
    package func register(layer: @escaping @Sendable () -> LayerCensus) { state.withLock { $0.layers.append(layer) } }

    func layerCensus() -> [LayerCensus] { state.withLock(\.layers).map { $0() } }

    /// Counts something that happened in a layer.
    public func count(layer kind: LayerEvent.Kind, of layer: String, group: String? = nil, times: Int = 1) {
        state.withLock { state in
            let key = LayerKey(kind: kind, layer: layer, group: group)
            guard state.layerEvents[key] != nil || state.layerEvents.count < 1024 else { return }
            state.layerEvents[key, default: 0] += times
        }
    }

    /// Tells all who observe what happened in layers since the last time.
    package func tellLayerEvents() { tell(takeLayerEvents().map { .layer($0) }) }

    /// What happened in layers since the last call.
    package func takeLayerEvents() -> [LayerEvent] {
        let events = state.withLock { state in
            defer { state.layerEvents = [:] }
            return state.layerEvents
        }
        let now = Moment.now()
        return events.map { key, count in
            LayerEvent(time: now, pid: pid, kind: key.kind, layer: key.layer, group: key.group, count: count)
        }
    }

    // MARK: What a loop is dispatching

    /// A number for a class and a message type, which a loop publishes while it dispatches.
    func label(consumer: String, message: String) -> Int {
        state.withLock { state in
            state.labels.append(DispatchLabel(consumer: consumer, message: message))
            return state.labels.count - 1
        }
    }

    /// What stands behind a number; `nil` for 0, which is nothing.
    func label(_ number: Int) -> DispatchLabel? {
        state.withLock { number > 0 && number < $0.labels.count ? $0.labels[number] : nil }
    }

    // MARK: Classes

    /// Notes that instances of a class are served; once for each.
    func sawClass(_ consumer: String, _ type: Any.Type) {
        state.withLock { state in
            guard state.seen.insert(consumer).inserted else { return }
            state.unseen.append(SeenClass(consumer: consumer, type: type))
        }
    }

    /// Classes that have been seen since the last call, for their methods to be located on a thread of the caller's own.
    package func takeSeen() -> [SeenClass] {
        state.withLock { state in
            defer { state.unseen = [] }
            return state.unseen
        }
    }

    // MARK: Swallowed stops

    func wantsChain(of consumer: String) -> Bool { state.withLock { $0.chains[consumer] == nil } }

    func keep(_ chain: ReturnChain, of consumer: String) { state.withLock { $0.chains[consumer] = chain } }

    /// Notes that a class returned from a disconnect; once for each.
    func stopWasSwallowed(by consumer: String, _ type: Any.Type, reachedBase: Bool) {
        state.withLock { state in
            guard state.swallowed.insert(consumer).inserted else { return }
            state.unlocated.append(
                SwallowedClass(
                    time: Moment.now(), consumer: consumer, mangledName: _mangledTypeName(type),
                    metadata: UInt64(UInt(bitPattern: ObjectIdentifier(type))), chain: state.chains[consumer],
                    reachedBase: reachedBase))
        }
    }

    /// Classes that swallowed a stop since the last call, to be located by the caller on a thread of its own.
    package func takeSwallowed() -> [SwallowedClass] {
        state.withLock { state in
            defer { state.unlocated = [] }
            return state.unlocated
        }
    }
}

/// What a loop is dispatching.
public struct DispatchLabel: Hashable, Sendable {
    /// The consumer class.
    public var consumer: String
    /// The message's type.
    public var message: String
}

/// A class that is served, and how to find its code.
package struct SeenClass: Sendable {
    /// The class.
    package var consumer: String
    /// Its mangled name.
    package var mangledName: String?
    /// The address of its metadata: in the binary that it is of.
    package var metadata: UInt64

    init(consumer: String, type: Any.Type) {
        self.consumer = consumer
        mangledName = _mangledTypeName(type)
        metadata = UInt64(UInt(bitPattern: ObjectIdentifier(type)))
    }
}

/// A class that returned from a disconnect, and what is known to find out where.
package struct SwallowedClass: Sendable {
    /// When it was seen first.
    package var time: Moment
    /// The class.
    package var consumer: String
    /// Its mangled name.
    package var mangledName: String?
    /// The address of its metadata: in the binary that it is of.
    package var metadata: UInt64
    /// The way a `StopConsumer` of the class went; `nil` when none was ever thrown.
    package var chain: ReturnChain?
    /// Whether the message reached the runtime's own `dispatch`.
    package var reachedBase: Bool
}
