import Observations

/// Counts one consumer class under one route on one loop. On the loop's thread only.
final class ClassMeter {
    /// Most message types told apart; further ones are counted together.
    private static let messageLimit = 64

    let consumer: String
    let route: String?
    /// The class itself, for the search of a swallowed stop.
    var type: Any.Type?
    private let loop: LoopInstrument
    private var messages: [String: MessageMeter] = [:]
    private var window: ConsumerWindow?
    /// Counters from the start on, for who begins to observe later.
    private(set) var total: ConsumerWindow

    init(loop: LoopInstrument, consumer: String, route: String?) {
        self.loop = loop
        self.consumer = consumer
        self.route = route
        total = ConsumerWindow(
            start: .init(nanoseconds: 0), length: .zero, pid: loop.instrument.pid, consumer: consumer)
    }

    /// The meter of a message type. It lives as long as this.
    func message(_ name: String) -> MessageMeter {
        let type = messages[name] == nil && messages.count >= Self.messageLimit ? "other types" : name
        if let meter = messages[type] { return meter }
        let meter = MessageMeter(type: type, label: Int32(loop.instrument.label(consumer: consumer, message: type)))
        messages[type] = meter
        return meter
    }

    /// The counters of the window under way.
    func count(_ change: (inout ConsumerWindow) -> Void) {
        var counters =
            window
            ?? ConsumerWindow(start: .init(nanoseconds: 0), length: .zero, pid: loop.instrument.pid, consumer: consumer)
        change(&counters)
        window = counters
        change(&total)
    }

    func flush(from start: Moment, length: Nanoseconds, into observations: inout [Observation]) {
        if var window {
            window.start = start
            window.length = length
            observations.append(.consumer(window))
        }
        window = nil
        for meter in messages.values {
            guard let counts = meter.cells.pointee.take() else { continue }
            let handler = meter.type.replacing(".", with: "_")
            observations.append(
                .dispatches(
                    DispatchWindow(
                        start: start, length: length, pid: loop.instrument.pid, loop: loop.id, route: route,
                        consumer: consumer, message: meter.type, handler: handler, outcomes: counts.outcomes,
                        afterDisconnect: counts.afterDisconnect, busy: Nanoseconds(counts.busy),
                        durations: counts.durations)))
            let frames = ["loop \(loop.id)", route ?? "no route", consumer, meter.type, handler]
            observations.append(
                .stack(
                    StackSample(
                        time: start + length, pid: loop.instrument.pid, tid: 0, thread: "loop \(loop.id)",
                        activity: .logical, stack: StackTrace(frames.map { Frame(kind: .logical, function: $0) }),
                        consumer: consumer, count: counts.total, weight: Nanoseconds(counts.busy))))
        }
    }
}

/// The messages that are told apart without looking at their type.
package enum MessageKind: Sendable {
    /// `websocket.receive`: most of them.
    case receive
    /// `websocket.disconnect`, `http.disconnect`.
    case disconnect
    /// Any other.
    case other
}

/// One message type of one class. On the loop's thread only.
final class MessageMeter {
    let type: String
    let cells: UnsafeMutablePointer<DispatchCells>

    init(type: String, label: Int32) {
        self.type = type
        cells = DispatchCells.allocate(label: label)
    }

    deinit { DispatchCells.free(cells) }
}
