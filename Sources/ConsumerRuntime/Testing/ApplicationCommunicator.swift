public import Instruments
public import NIOCore

/// Drives an application without a server: what a server would send goes in, what the application sends comes out
/// (asgiref 3.13, asgiref/testing.py `ApplicationCommunicator`).
///
/// The application runs on `loop` as under a server. Usable from any thread; `@unchecked Sendable`: its state is touched
/// on the loop only.
public final class ApplicationCommunicator: @unchecked Sendable {
    /// Nothing came in time.
    public struct TimedOut: Error, Hashable, Sendable {}

    private let loop: any EventLoop
    private let connection: Connection
    private let ended: EventLoopPromise<Void>
    private var outputs = CircularBuffer<Message>()
    private var waiters: [(id: Int, promise: EventLoopPromise<Message>)] = []
    private var nextWaiter = 0

    private init(on loop: any EventLoop, _ scope: Scope, _ instrument: LoopInstrument?) {
        self.loop = loop
        ended = loop.makePromise()
        connection = Connection(
            on: ConsumerLoop(loop, instrument: instrument), scope, afterDisconnect: .silence)
    }

    /// Starts the application.
    public static func start(
        _ application: any ASGIApplication, _ scope: Scope, on loop: any EventLoop, instrument: LoopInstrument? = nil
    ) async throws -> ApplicationCommunicator {
        try await loop.submit {
            let made = ApplicationCommunicator(on: loop, scope, instrument)
            made.connection.serve(application, scope, send: Send { message in made.take(message) }) { ending in
                made.finish(ending)
            }
            return made
        }.get()
    }

    private func take(_ message: Message) {
        guard !waiters.isEmpty else { return outputs.append(message) }
        waiters.removeFirst().promise.succeed(message)
    }

    private func finish(_ ending: Connection.Ending) {
        switch ending {
        case .returned: ended.succeed()
        case .cancelled: ended.fail(CancellationError())
        case .threw(let error): ended.fail(error)
        }
        let waiting = waiters
        waiters = []
        for waiter in waiting {
            if case .threw(let error) = ending { waiter.promise.fail(error) } else { waiter.promise.fail(TimedOut()) }
        }
    }

    /// Gives the application a message.
    public func send(input message: Message) async throws {
        try await loop.submit { _ = self.connection.deliver(message) }.get()
    }

    /// The next message of the application.
    ///
    /// - Throws: `TimedOut`, or the error that got out of the application.
    public func receiveOutput(timeout: Duration = .seconds(1)) async throws -> Message {
        try await loop.flatSubmit { self.next(within: TimeAmount(timeout)) }.get()
    }

    private func next(within limit: TimeAmount) -> EventLoopFuture<Message> {
        if let message = outputs.popFirst() { return loop.makeSucceededFuture(message) }
        if connection.hasEnded { return ended.futureResult.flatMapThrowing { throw TimedOut() } }
        let promise = loop.makePromise(of: Message.self)
        let id = nextWaiter
        nextWaiter += 1
        waiters.append((id, promise))
        let timer = loop.scheduleTask(in: limit) { [self] in
            guard let place = waiters.firstIndex(where: { $0.id == id }) else { return }
            waiters.remove(at: place).promise.fail(TimedOut())
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    /// Whether the application sends nothing for so long.
    public func receiveNothing(for time: Duration = .milliseconds(100)) async -> Bool {
        do {
            let message = try await receiveOutput(timeout: time)
            _ = try? await loop.submit { self.outputs.prepend(message) }.get()
            return false
        } catch {
            return true
        }
    }

    /// Waits for the application to end.
    ///
    /// - Throws: the error that got out of it.
    public func wait() async throws { try await ended.futureResult.get() }

    /// Cancels the application.
    public func cancel() async { _ = try? await loop.submit { self.connection.cancel(outlived: false) }.get() }
}
