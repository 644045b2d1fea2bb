import Instruments

/// Ends a consumer, as it should end: thrown by the handler of a disconnect (channels/exceptions.py `StopConsumer`).
public struct StopConsumer: Error, Hashable, Sendable {
    /// The end.
    public init() {}
}

/// A consumer was given a message that it has no handler for (channels/consumer.py `dispatch`: ValueError).
public struct NoHandler: Error, Hashable, Sendable, CustomStringConvertible {
    /// The message's type.
    public var type: String
    /// In words.
    public var description: String { "no handler for message type \(type)" }
}

/// What an instance is made with: its connection's side of the world.
public struct ConsumerContext {
    /// The connection.
    public let scope: Scope
    /// The layer, if the application was made with one.
    public let channelLayer: (any ChannelLayer)?
    /// The instance's own channel in it.
    public let channelName: String?
    let sendToServer: Send
    let executor: ConsumerExecutor
}

/// An application's part for one connection: an instance lives as long as its connection.
///
/// The Swift face of channels/consumer.py `AsyncConsumer`. Everything it does runs on the connection's event loop, one
/// message at a time; its properties need no lock. Override `dispatch` to see every message, and let `StopConsumer` out.
open class AsyncConsumer {
    let context: ConsumerContext

    /// Made by the application, once for each connection. An override calls it first.
    public required init(_ context: ConsumerContext) { self.context = context }

    /// The connection.
    public final var scope: Scope { context.scope }
    /// The layer, if the application was made with one.
    public final var channelLayer: (any ChannelLayer)? { context.channelLayer }
    /// The instance's own channel in the layer.
    public final var channelName: String? { context.channelName }

    /// Gives a message to its handler.
    ///
    /// - Throws: `StopConsumer` when the instance is to end, `NoHandler`, or what the handler throws.
    // Not inlined: what it does would have the overrides that call it ask for their executor at each message.
    @inline(never)
    open func dispatch(_ message: Message) async throws {
        guard case .layer(let event) = message else { throw NoHandler(type: message.type) }
        try await handle(event)
    }

    /// Handles a message of the layer: a handler for each type, which Channels finds by name.
    open func handle(_ event: LayerMessage) async throws { throw NoHandler(type: event.type) }

    /// Starts a task that belongs to this instance, on its loop. It is counted as the instance's own until it ends;
    /// nothing ends it with the instance. A bare `Task { }` is nobody's: it runs off the loop, and nobody counts it.
    ///
    /// From any thread: a synchronous consumer starts it from its own.
    ///
    /// - Parameters:
    ///   - function: where it is started, with `file` and `line`: what a finding points at when the task is forgotten. A
    ///     function of yours that starts tasks for others hands its caller's on.
    @discardableResult
    public final func startTask(
        named name: String, function: StaticString = #function, file: StaticString = #filePath, line: UInt = #line,
        _ body: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        let origin = TaskOrigin(name: name, function: function, file: file, line: line)
        let meter = context.executor.meter
        // The task's first job comes to the loop the same way, after this.
        if let meter { home.onLoop { meter.taskStarted(origin) } }
        return Task(executorPreference: context.executor) {
            await body()
            meter?.taskEnded(origin)
        }
    }

    /// Throws `StopConsumer`, and remembers once per class which way it goes: the functions between here and
    /// `awaitManyDispatch` that are not the runtime's are where it may be swallowed.
    @inline(never)
    final func stop() async throws -> Never {
        await context.executor.meter?.stopIsThrown()
        throw StopConsumer()
    }

    /// Keeps the way that a stop goes from here, once per class. From any thread.
    final func keepChain(of type: AsyncConsumer.Type) {
        context.executor.meter?.keepChain(of: String(reflecting: type))
    }

    /// The instance's executor, and through it its loop.
    final var executor: ConsumerExecutor { context.executor }
    /// The loop it lives on.
    final var home: ConsumerLoop { context.executor.home }

    /// Notes that a disconnect got past the overrides of `dispatch`.
    final func baseIsReached() { context.executor.meter?.baseIsReached() }

    /// As `stop`, for an error thrown while a disconnect is handled.
    final func stopFails() async { await context.executor.meter?.stopIsThrown() }

    /// An application that serves each connection with an instance of this class.
    ///
    /// - Parameter layer: the channel layer that instances get a channel in.
    public static func application(layer: (any ChannelLayer)? = nil) -> any ASGIApplication {
        ConsumerApplication(consumer: self, layer: layer)
    }
}
