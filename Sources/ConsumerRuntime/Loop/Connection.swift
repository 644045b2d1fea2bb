public import Instruments
import NIOCore
import Observations

/// One connection as its application sees it: mailbox, executor, and the task that serves it.
///
/// A server, or a communicator, makes one for each connection and uses it on the connection's loop only.
/// `@unchecked Sendable`: touched on the loop's thread only.
public final class Connection: @unchecked Sendable {
    /// How an application ended.
    public enum Ending: Sendable {
        /// It returned.
        case returned
        /// An error got out of it.
        case threw(any Error)
        /// It was cancelled.
        case cancelled
    }

    private let executor: ConsumerExecutor
    private let mailbox: Mailbox
    private var task: Task<Void, Never>?
    private var isKilled = false
    /// Whether the application has ended.
    public var hasEnded: Bool { isOver }
    private var isOver = false
    /// What is counted about it; `nil` when nobody is to be told.
    public var meter: InstanceMeter? { executor.meter }

    /// A connection of the kind that `scope` says, on `home`. On its loop.
    ///
    /// The lifespan of a server is none of its connections: it is not counted.
    public init(on home: ConsumerLoop, _ scope: Scope, afterDisconnect: Mailbox.AfterDisconnect) {
        let isCounted = scope.type != .lifespan
        let meter =
            isCounted
            ? home.instrument?.connectionOpened(path: scope.path, hasHandshake: scope.type == .websocket) : nil
        executor = ConsumerExecutor(home: home, meter: meter)
        mailbox = Mailbox(executor: executor, kind: scope.type, afterDisconnect: afterDisconnect)
    }

    /// Called after each turn of the application: the place to write what it sent.
    public var afterJob: (() -> Void)? {
        get { executor.afterJob }
        set { executor.afterJob = newValue }
    }

    /// Called when the application has taken all messages.
    public var onDrained: (() -> Void)? {
        get { mailbox.onDrained }
        set { mailbox.onDrained = newValue }
    }

    /// Messages that wait for the application.
    public var backlog: Int { mailbox.backlog }

    /// Begins to serve it.
    ///
    /// - Parameter onEnd: called on the loop when the application has ended.
    public func serve(
        _ application: any ASGIApplication, _ scope: Scope, send: Send, onEnd: @escaping @Sendable (Ending) -> Void
    ) {
        let receive = Receive(mailbox)
        task = Task(executorPreference: executor) { [self] in
            let ending: Ending
            do {
                try await application(scope, receive, send)
                ending = .returned
            } catch is CancellationError {
                ending = .cancelled
            } catch {
                ending = .threw(error)
            }
            finish(ending)
            onEnd(ending)
        }
    }

    private func finish(_ ending: Ending) {
        executor.home.loop.assertInEventLoop()
        isOver = true
        task = nil
        mailbox.channel?.close()
        meter?.instanceEnded(ending, killed: isKilled)
    }

    /// Delivers a message of the server; nothing, once the application has ended.
    ///
    /// - Returns: the messages that wait now.
    @discardableResult
    public func deliver(_ message: Message) -> Int { isOver ? 0 : mailbox.push(message) }

    /// Ends the application by cancelling it.
    ///
    /// - Parameter outlived: whether it outlived its connection, rather than its server.
    public func cancel(outlived: Bool) {
        guard !hasEnded else { return }
        isKilled = outlived
        task?.cancel()
        mailbox.cancel()
    }
}
