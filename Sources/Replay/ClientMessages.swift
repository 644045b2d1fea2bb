import Clocks
import Observations
import Scenarios
import Statistics

extension ClientRun {
    func send(_ payload: Step.Payload) async throws {
        let client = try open()
        let now = Moment.now()
        lastSend = (now, due)
        // Of steps that are due together only the first can be late; the others wait for it.
        let late = due == measured ? nil : now - due
        measured = due
        do {
            switch payload {
            case .text(let template):
                try await client.send(
                    text: template.text(client: number, sequence: sequence, last: tracker.last, using: &generator))
            case .binary(let count): try await client.send(bytes: bytes(count))
            case .bytes(let bytes): try await client.send(bytes: bytes)
            }
        } catch ClientError.closed(let code) {
            ended(code: code)
            throw ClientError.closed(code: code)
        }
        sequence += 1
        stage.count {
            $0.sent += 1
            if let late { $0.lateness.record(late.count) }
        }
    }

    /// Random bytes.
    func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }

    func ping(within limit: Nanoseconds) async throws {
        let client = try open()
        let start = Moment.now()
        try await client.ping()
        while true {
            switch try await next(client, by: start + limit).message {
            case .pong:
                due = max(due, .now())
                return
            case .closed(let code, _): throw ClientError.closed(code: code)
            default: continue
            }
        }
    }

    func wait(_ span: Step.Span) async throws {
        due = due + span.length(using: &generator)
        try await loop.wait(until: due)
    }

    func expect(_ expectation: Step.Expectation) async throws {
        let client = try open()
        let deadline = Moment.now() + expectation.within
        switch expectation.kind {
        case .nothing:
            do {
                let arrival = try await next(client, by: deadline)
                throw Failure("\(arrival.message.words) came, and nothing should")
            } catch ClientError.timedOut { due = max(due, .now()) }
        case .sequence(let wanted):
            try await expect(wanted, client, by: deadline, limit: expectation.within)
            due = max(due, .now())
        case .closed(let wanted):
            while true {
                guard case .closed(let code, _) = try await next(client, by: deadline).message else { continue }
                guard wanted == nil || wanted == code else {
                    throw Failure("the connection was closed with \(code), and should be with \(wanted ?? 0)")
                }
                due = max(due, .now())
                return
            }
        default:
            let arrival = try await nextMessage(client, by: deadline)
            replied(at: arrival.time)
            try check(arrival.message, expectation.kind)
            due = max(due, arrival.time)
        }
    }

    /// The next text or bytes; pongs are passed over.
    func nextMessage(_ client: WebSocketClient, by deadline: Moment) async throws -> ClientArrival {
        while true {
            let arrival = try await next(client, by: deadline)
            switch arrival.message {
            case .pong: continue
            case .closed(let code, _): throw ClientError.closed(code: code)
            default: return arrival
            }
        }
    }

    private func next(_ client: WebSocketClient, by deadline: Moment) async throws -> ClientArrival {
        do {
            let arrival = try await client.arrival(within: max(.zero, deadline - .now()))
            if case .closed(let code, _) = arrival.message {
                ended(code: code)
            } else {
                stage.count { $0.received += 1 }
            }
            return arrival
        } catch ClientError.timedOut {
            try Task.checkCancellation()
            throw ClientError.timedOut
        }
    }

    private func replied(at time: Moment) {
        guard let sent = lastSend else { return }
        lastSend = nil
        stage.count { $0.latency.record(done: time - sent.done, due: time - sent.due) }
    }

    private func check(_ message: ClientMessage, _ kind: Step.Expectation.Kind) throws {
        guard case .text(let text) = message else {
            if case .message = kind { return }
            throw Failure("\(message.words) came, and text should")
        }
        switch kind {
        case .text(let template):
            let wanted = template.text(client: number, sequence: max(0, sequence - 1), using: &generator)
            guard text == wanted else { throw Failure("another text came than was expected") }
        case .contains(let template):
            let wanted = template.text(client: number, sequence: max(0, sequence - 1), using: &generator)
            guard text.contains(wanted) else { throw Failure("the text that came does not contain what was expected") }
        default: return
        }
    }
}
