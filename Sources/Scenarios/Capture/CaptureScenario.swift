public import Observations

extension Scenario {
    /// How fast a capture is played again.
    public enum Speed: Hashable, Sendable {
        /// So many times as fast as it was recorded.
        case times(Double)
        /// Without a pause: each message as soon as the one before has been handed to the kernel.
        case asFastAsPossible
    }

    /// The scenario that does again what a browser did: every WebSocket at its time, every message at its own.
    ///
    /// - Parameters:
    ///   - clients: how many do it side by side.
    /// - Throws: `CaptureError` when these are more clients than one phase may bring.
    public init(
        _ capture: Capture, speed: Speed = .times(1), clients count: Int = 1, seed: UInt64 = 1
    ) throws(CaptureError) {
        guard count > 0, capture.connections.count * count <= Arrivals.limit else {
            throw CaptureError("these are \(capture.connections.count * count) clients, more than \(Arrivals.limit)")
        }
        self.init(name: "capture of \(capture.host)", seed: seed)
        var visits: [Phase.Visit] = []
        for (index, connection) in capture.connections.enumerated() {
            let path = connection.target.prefix { $0 != "?" }
            let name = "\(index + 1) \(path.prefix(60))"
            clients[name] = connection.steps(speed)
            visits += Array(repeating: Phase.Visit(client: name, offset: speed.span(connection.offset)), count: count)
        }
        phases = [Phase(name: "as captured", visits: visits, settle: .seconds(10))]
    }
}

extension Scenario.Speed {
    /// A span of the capture, played.
    func span(_ length: Nanoseconds) -> Nanoseconds {
        switch self {
        case .times(let factor): Nanoseconds(Int64(Double(length.count) / factor))
        case .asFastAsPossible: .zero
        }
    }
}

extension Capture.Connection {
    /// What its client does.
    fileprivate func steps(_ speed: Scenario.Speed) -> [Step] {
        var opening = Step.Connect()
        opening.path = Template(literal: target)
        opening.subprotocols = subprotocols
        var steps: [Step] = [.connect(opening)]
        var past = Nanoseconds.zero
        func wait(until offset: Nanoseconds) {
            let span = speed.span(offset) - past
            guard span > .zero else { return }
            steps.append(.idle(Step.Span(from: span, to: span)))
            past = past + span
        }
        for message in sent {
            wait(until: message.offset)
            switch message.content {
            case .text(let text): steps.append(.send(.text(Template(literal: text))))
            case .bytes(let bytes): steps.append(.send(.bytes(bytes)))
            }
        }
        wait(until: length)
        // What was sent has been read when its pong comes.
        return steps + [.ping(within: .seconds(30)), .close(code: 1000, reason: "", within: .seconds(10))]
    }
}
