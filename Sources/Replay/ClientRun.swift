import Clocks
import NIOCore
import Observations
import Scenarios
import Statistics
import WebSocket

/// One client of a scenario: does its steps in order, on one task.
///
/// It has a plan: `due` is when the present step should happen if nothing had held it up. Waiting moves the plan, and
/// what is late is measured from the plan, so that a server that stalls cannot hide behind clients that wait for it.
final class ClientRun {
    /// A step that did not go as it should.
    struct Failure: Error {
        let what: String
        init(_ what: String) { self.what = what }
    }

    let number: Int
    let stage: Stage
    var generator: SeededGenerator
    /// When the present step is due.
    var due: Moment
    /// When something was last sent, and when it was due.
    var lastSend: (done: Moment, due: Moment)?
    /// For which plan it was last measured how late the driver was.
    var measured: Moment?
    /// Number of this client's next message.
    var sequence = 0
    var tracker = SequenceTracker()
    private var opening: Step.Connect?
    private(set) var client: WebSocketClient?
    /// The loop that keeps this client's time, and that its tasks run on.
    var loop: any EventLoop { executor.loop }
    private let executor: LoopExecutor

    init(number: Int, stage: Stage, executor: LoopExecutor, due: Moment, seed: UInt64) {
        self.number = number
        self.stage = stage
        self.due = due
        generator = SeededGenerator(seed: seed, stream: UInt64(number) &+ 1)
        self.executor = executor
    }

    /// Plays a script; what fails is counted, and ends it.
    func play(_ steps: [Step]) async {
        stage.count { $0.started += 1 }
        do {
            try await loop.wait(until: due)
            let late = Moment.now() - due
            stage.count { $0.lateness.record(late.count) }
            try await perform(steps)
        } catch is CancellationError {
            // The phase is over: the client goes as if its user had closed the page.
        } catch {
            let failure = ClientTally.Failure(step: stepName, what: Self.describe(error))
            stage.count { $0.fail(failure) }
        }
        await leave()
    }

    private var stepName = ""

    private func perform(_ steps: [Step]) async throws {
        for step in steps {
            try Task.checkCancellation()
            stepName = step.verb
            try await perform(step)
        }
    }

    /// Does a step. A task keeps the stack that it has once needed, for as long as it lives, and thousands of clients do nothing but wait: what
    /// waits for a time is done here, and all else elsewhere.
    private func perform(_ step: Step) async throws {
        switch step {
        case .wait(let span): try await wait(span)
        case .idle(let span): try await idle(span)
        case .send, .expect, .ping, .barrier, .repeat: try await converse(step)
        case .connect, .get, .close, .reconnect, .misbehave: try await apart(step)
        }
    }

    private func idle(_ span: Step.Span) async throws {
        let client = try open()
        client.dropIncoming(true)
        try await wait(span)
        client.dropIncoming(false)
    }

    /// Does a step on a task of its own, while the client's waits.
    private func apart(_ step: Step) async throws {
        nonisolated(unsafe) let run = self  // in use by one task at a time: this one waits for the other
        let other = Task.detached(executorPreference: executor) { try await run.performApart(step) }
        try await withTaskCancellationHandler {
            try await other.value
        } onCancel: {
            other.cancel()
        }
    }

    private func performApart(_ step: Step) async throws {
        switch step {
        case .connect(let opening): try await connect(opening)
        case .get(let path, let headers, let status, let limit):
            try await get(path, headers, expecting: status, within: limit)
        case .close(let code, let reason, let limit):
            let client = try open()
            let answer = await client.close(code: code, reason: reason, timeout: limit.duration)
            ended(code: answer)
            guard answer != 1006 else { throw Failure("the server did not answer the close in \(limit.words)") }
        case .reconnect(let backoff): try await reconnect(backoff)
        case .misbehave(let what): try await misbehave(what)
        default: break
        }
    }

    /// Steps of an open connection.
    private func converse(_ step: Step) async throws {
        switch step {
        case .send(let payload): try await send(payload)
        case .expect(let expectation): try await expect(expectation)
        case .barrier(let name):
            await stage.barriers.arrive(at: name)
            // What the others took is nobody's delay.
            due = max(due, .now())
        case .ping(let limit): try await ping(within: limit)
        case .repeat(let times, let every, let steps):
            let start = due
            for round in 0..<times {
                if let every {
                    due = start + Nanoseconds(every.count &* Int64(round))
                    try await loop.wait(until: due)
                }
                try await perform(steps)
            }
        default: break
        }
    }

    // MARK: Opening and ending

    private func connect(_ opening: Step.Connect) async throws {
        self.opening = opening
        await leave()
        let start = Moment.now()
        stage.count { $0.attempt(at: start) }
        do {
            let client = try await dial(opening)
            let now = Moment.now()
            self.client = client
            let due = self.due
            stage.count {
                $0.opened += 1
                $0.connect.record(done: now - start, due: now - due)
            }
            stage.saw(.opened, by: number, latency: now - start)
            self.due = max(due, now)
            guard case .open = opening.outcome else { throw Failure("the handshake was accepted") }
        } catch let error as ClientError {
            try Task.checkCancellation()
            self.due = max(due, .now())
            try refused(error, opening)
        }
    }

    private func dial(_ opening: Step.Connect) async throws -> WebSocketClient {
        var (path, headers, subprotocols) = (target(opening), fill(opening.headers), opening.subprotocols)
        if let token = opening.token {
            let signed = try await TokenSigner.sign(token) { [self] (template: Template) -> String in
                template.text(client: number, sequence: sequence, last: tracker.last, using: &generator)
            }
            switch token.place {
            case .header: headers.append(("Authorization", "Bearer " + signed))
            case .query(let name): path += (path.contains("?") ? "&" : "?") + name + "=" + signed
            case .subprotocol: subprotocols.append(signed)
            }
        }
        return try await WebSocketClient.connect(
            host: stage.endpoint.host, port: stage.endpoint.port, path: path, subprotocols: subprotocols,
            headers: headers, timeout: opening.within.duration, group: stage.group, on: loop,
            from: stage.sources.address(of: number))
    }

    private func refused(_ error: ClientError, _ opening: Step.Connect) throws {
        stage.count { tally in
            tally.refused += 1
            tally.countTrouble(error)
        }
        switch (error, opening.outcome) {
        case (.rejected(.status(let status)), .status(let wanted)) where status == wanted:
            stage.saw(.refused, by: number, code: status)
        case (.timedOut, .silence): stage.saw(.timedOut, by: number)
        case (.rejected(.status(let status)), _):
            stage.saw(.refused, by: number, code: status)
            throw error
        default:
            stage.saw(.timedOut, by: number)
            throw error
        }
    }

    /// Path and query of the request.
    func target(_ opening: Step.Connect) -> String {
        let path = opening.path.text(client: number, sequence: sequence, last: tracker.last, using: &generator)
        return stage.endpoint.prefix + (path.isEmpty ? stage.path : path)
    }

    /// The further header fields of a request.
    private func fill(_ headers: [Step.Header]) -> [(name: String, value: String)] {
        headers.map { header in
            (header.name, header.value.text(client: number, sequence: sequence, last: tracker.last, using: &generator))
        }
    }

    private func get(
        _ path: Template, _ headers: [Step.Header], expecting wanted: Int, within limit: Nanoseconds
    ) async throws {
        let target =
            stage.endpoint.prefix + path.text(client: number, sequence: sequence, last: tracker.last, using: &generator)
        let (start, due) = (Moment.now(), self.due)
        stage.count { $0.sent += 1 }
        let status: Int
        do {
            status = try await HTTPGet.request(
                target, fields: fill(headers), at: stage.endpoint, within: limit, group: stage.group)
        } catch let error as ClientError {
            stage.count { $0.countTrouble(error) }
            throw error
        }
        let now = Moment.now()
        sequence += 1
        stage.count {
            $0.received += 1
            $0.latency.record(done: now - start, due: now - due)
        }
        self.due = max(due, now)
        guard status == wanted else {
            throw Failure("the page was answered with \(status), and should be with \(wanted)")
        }
    }

    private func reconnect(_ backoff: Backoff) async throws {
        let opening = self.opening ?? Step.Connect()
        var wait = Nanoseconds.zero
        for attempt in 0..<backoff.tries {
            wait = backoff.delay(attempt: attempt, after: wait, using: &generator)
            due = due + wait
            try await loop.wait(until: due)
            do { return try await connect(opening) } catch {
                if attempt == backoff.tries - 1 { throw error }
            }
        }
    }

    /// The open connection.
    func open() throws -> WebSocketClient {
        guard let client else { throw Failure("there is no open connection") }
        return client
    }

    /// The connection has ended, with this code.
    func ended(code: Int) {
        guard client != nil else { return }
        client = nil
        stage.count { $0.closed += 1 }
        stage.saw(.closed, by: number, code: code)
    }

    /// Ends the connection if there is one, as a good client does.
    private func leave() async {
        guard let client else { return }
        ended(code: await client.close(timeout: .seconds(2)))
    }

    // MARK: Words

    /// What went wrong, without anything of what was sent or received.
    private static func describe(_ error: any Error) -> String {
        switch error {
        case let failure as Failure: failure.what
        case ClientError.timedOut: "nothing came in time"
        case ClientError.closed(let code): "the connection had ended with \(code)"
        case ClientError.exhausted(let why): "no connection could be made: \(why)"
        case ClientError.unreachable(let why): "the server could not be reached: \(why)"
        case ClientError.rejected(.status(let status)): "the handshake was answered with \(status)"
        case ClientError.rejected(.notHTTP): "the handshake was answered with something that is not HTTP"
        case ClientError.rejected(.badAnswer): "the handshake was answered with 101, but not for WebSocket"
        case ClientError.rejected(.notOffered): "the server chose a subprotocol that was not offered"
        default: String(describing: type(of: error))
        }
    }
}

extension ClientTally {
    /// Counts what kept a client from having a connection, where that was not the server's answer.
    fileprivate mutating func countTrouble(_ error: ClientError) {
        switch error {
        case .unreachable: unreached += 1
        case .exhausted: exhausted += 1
        default: break
        }
    }
}

extension ClientMessage {
    /// Its kind, without its content.
    var words: String {
        switch self {
        case .text: "text"
        case .bytes: "bytes"
        case .pong: "a pong"
        case .closed(let code, _): "the end (\(code))"
        }
    }
}

extension Nanoseconds {
    /// `2 s`, `250 ms`.
    var words: String {
        count % 1_000_000_000 == 0 ? "\(count / 1_000_000_000) s" : "\((count + 500_000) / 1_000_000) ms"
    }
}
