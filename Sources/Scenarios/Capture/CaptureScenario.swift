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
            let name = connection.clientName(index)
            clients[name] = connection.moves(speed).map(\.step)
            visits += Array(repeating: Phase.Visit(client: name, offset: speed.span(connection.offset)), count: count)
        }
        phases = [Phase(name: Capture.phase, visits: visits, settle: Capture.settle)]
    }
}

extension Capture {
    /// The one phase of a capture.
    static let phase = "as captured"
    /// How long it is waited for afterwards.
    static let settle = Nanoseconds.seconds(10)

    /// What a client does again.
    enum Move {
        case connect(target: String, subprotocols: [String])
        case idle(Nanoseconds)
        case text(String)
        case bytes([UInt8])
        case ping
        case close

        /// The same as a step.
        var step: Step {
            switch self {
            case .connect(let target, let subprotocols):
                var opening = Step.Connect()
                opening.path = Template(literal: target)
                opening.subprotocols = subprotocols
                return .connect(opening)
            case .idle(let length): return .idle(Step.Span(from: length, to: length))
            case .text(let text): return .send(.text(Template(literal: text)))
            case .bytes(let bytes): return .send(.bytes(bytes))
            case .ping: return .ping(within: .seconds(30))
            case .close: return .close(code: 1000, reason: "", within: .seconds(10))
            }
        }
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
    /// What its client is called: `1 /ws/chat`.
    func clientName(_ index: Int) -> String { "\(index + 1) \(target.prefix { $0 != "?" }.prefix(60))" }

    /// What its client does.
    func moves(_ speed: Scenario.Speed) -> [Capture.Move] {
        var moves: [Capture.Move] = [.connect(target: target, subprotocols: subprotocols)]
        var past = Nanoseconds.zero
        func wait(until offset: Nanoseconds) {
            let span = speed.span(offset) - past
            guard span > .zero else { return }
            moves.append(.idle(span))
            past = past + span
        }
        for message in sent {
            wait(until: message.offset)
            switch message.content {
            case .text(let text): moves.append(.text(text))
            case .bytes(let bytes): moves.append(.bytes(bytes))
            }
        }
        wait(until: length)
        // What was sent has been read when its pong comes.
        return moves + [.ping, .close]
    }
}
