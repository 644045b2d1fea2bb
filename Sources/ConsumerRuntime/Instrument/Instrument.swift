public import NIOCore
public import Observations
import Synchronization

/// Everything that is counted about one runtime: hand it to a server, and to a probe.
///
/// Loops count without locks and hand over a window each 100 ms. What is handed over before the first sink is attached
/// is kept, up to a limit, so that nothing is missed between the start of a server and the start of a probe.
public final class Instrument: Sendable {
    /// Most observations kept for a probe that has not come yet.
    public static let pendingLimit = 1 << 16

    private struct LayerKey: Hashable {
        var kind: LayerEvent.Kind
        var layer: String
        var group: String?
    }

    private struct State {
        var sink: (any ObservationSink)?
        var wasObserved = false
        var pending: [Observation] = []
        var dropped = 0
        var loops: [LoopInstrument] = []
        var layerEvents: [LayerKey: Int] = [:]
        var labels: [DispatchLabel] = [DispatchLabel(consumer: "", message: "")]
        var chains: [String: ReturnChain] = [:]
        var swallowed: Set<String> = []
        var unlocated: [SwallowedClass] = []
    }

    private let state = Mutex(State())
    private let connections = Atomic<UInt64>(0)
    /// The process.
    public let pid: Int32

    /// An instrument of this process.
    public init() { pid = Clock.processID }

    /// The instrument of one loop. Call it once for each, before it runs consumers.
    public func makeLoop(_ loop: any EventLoop) -> LoopInstrument {
        state.withLock { state in
            let made = LoopInstrument(instrument: self, loop: loop, id: String(state.loops.count + 1))
            state.loops.append(made)
            return made
        }
    }

    /// The loops there are.
    public var loops: [LoopInstrument] { state.withLock(\.loops) }

    /// Sends what was kept, and everything from now on, to `sink`.
    public func attach(_ sink: any ObservationSink) {
        let (pending, dropped) = state.withLock { state in
            state.sink = sink
            state.wasObserved = true
            defer { state.pending = [] }
            return (state.pending, state.dropped)
        }
        sink.record(pending)
        if dropped > 0 {
            let text = "\(dropped) observations were made before observing began and are lost"
            sink.record([.note(ProbeNote(time: Clock.now(), pid: pid, text: text))])
        }
    }

    /// Sends nothing from now on.
    public func detach() { state.withLock { $0.sink = nil } }

    func deliver(_ observations: [Observation]) {
        let sink = state.withLock { state -> (any ObservationSink)? in
            if state.sink == nil, !state.wasObserved {
                let room = Self.pendingLimit - state.pending.count
                state.pending += observations.prefix(room)
                state.dropped += max(0, observations.count - room)
            }
            return state.sink
        }
        sink?.record(observations)
    }

    func nextConnection() -> UInt64 { connections.add(1, ordering: .relaxed).newValue }

    // MARK: Layers

    /// Counts something that happened in a layer.
    public func count(layer kind: LayerEvent.Kind, of layer: String, group: String? = nil, times: Int = 1) {
        state.withLock { state in
            let key = LayerKey(kind: kind, layer: layer, group: group)
            guard state.layerEvents[key] != nil || state.layerEvents.count < 1024 else { return }
            state.layerEvents[key, default: 0] += times
        }
    }

    /// What happened in layers since the last call.
    public func takeLayerEvents() -> [LayerEvent] {
        let events = state.withLock { state in
            defer { state.layerEvents = [:] }
            return state.layerEvents
        }
        let now = Clock.now()
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

    // MARK: Swallowed stops

    func wantsChain(of consumer: String) -> Bool { state.withLock { $0.chains[consumer] == nil } }

    func keep(_ chain: ReturnChain, of consumer: String) { state.withLock { $0.chains[consumer] = chain } }

    /// Notes that a class returned from a disconnect; once for each.
    func stopWasSwallowed(by consumer: String, _ type: AsyncConsumer.Type, reachedBase: Bool) {
        state.withLock { state in
            guard state.swallowed.insert(consumer).inserted else { return }
            state.unlocated.append(
                SwallowedClass(
                    time: Clock.now(), consumer: consumer, mangledName: _mangledTypeName(type),
                    metadata: UInt64(UInt(bitPattern: ObjectIdentifier(type))), chain: state.chains[consumer],
                    reachedBase: reachedBase))
        }
    }

    /// Classes that swallowed a stop since the last call, to be located by the caller on a thread of its own.
    public func takeSwallowed() -> [SwallowedClass] {
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

/// A class that returned from a disconnect, and what is known to find out where.
public struct SwallowedClass: Sendable {
    /// When it was seen first.
    public var time: Moment
    /// The class.
    public var consumer: String
    /// Its mangled name.
    public var mangledName: String?
    /// The address of its metadata: in the binary that it is of.
    public var metadata: UInt64
    /// The way a `StopConsumer` of the class went; `nil` when none was ever thrown.
    public var chain: ReturnChain?
    /// Whether the message reached the runtime's own `dispatch`.
    public var reachedBase: Bool
}
