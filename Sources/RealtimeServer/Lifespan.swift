import ConsumerRuntime
import NIOCore
import Observations

/// An application that cannot start: it answered the server's start with `lifespan.startup.failed`.
public struct StartupFailed: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it said.
    public var message: String

    /// A failure, in the application's words.
    public init(message: String) { self.message = message }

    /// In words.
    public var description: String {
        "the application failed to start" + (message.isEmpty ? "" : ": \(message.plain())")
    }
}

/// The application's part in the server's own life (ASGI specification, "Lifespan Protocol").
///
/// On the loop's thread only, but for `start` and `stop`; `@unchecked Sendable` because the application's `send` holds it.
final class Lifespan: @unchecked Sendable {
    private let home: ConsumerLoop
    private let connection: Connection
    private let started: EventLoopPromise<Void>
    private let stopped: EventLoopPromise<String?>
    private var isStarted = false
    private var isAnswered = false

    private init(_ home: ConsumerLoop, _ scope: Scope) {
        self.home = home
        connection = Connection(on: home, scope, afterDisconnect: .silence)
        started = home.loop.makePromise()
        stopped = home.loop.makePromise()
    }

    /// Tells the application that the server starts, and waits for its answer.
    ///
    /// - Returns: `nil` for an application that knows no lifespan, as most: it ended before it answered.
    /// - Throws: `StartupFailed`.
    static func start(_ application: any ASGIApplication, on home: ConsumerLoop) async throws -> Lifespan? {
        let lifespan = try await home.loop.submit {
            let scope = Scope(type: .lifespan, path: "")
            let made = Lifespan(home, scope)
            made.connection.serve(application, scope, send: Send { try made.take($0) }) { _ in made.ended() }
            made.connection.deliver(.lifespanStartup)
            return made
        }.get()
        do {
            try await lifespan.started.futureResult.get()
        } catch {
            _ = try? await home.loop.submit { lifespan.connection.cancel(outlived: false) }.get()
            throw error
        }
        return try await home.loop.submit { lifespan.isStarted ? lifespan : nil }.get()
    }

    /// Tells the application that the server has stopped; cancels it when it has not answered in time.
    ///
    /// - Returns: what it failed in, if it did.
    func stop(deadline: Duration) async -> String? {
        let timer = home.loop.scheduleTask(in: TimeAmount(deadline)) { [self] in
            connection.cancel(outlived: false)
            answer("it did not answer lifespan.shutdown in time")
        }
        _ = try? await home.loop.submit { [self] in
            if connection.hasEnded { answer(nil) } else { connection.deliver(.lifespanShutdown) }
        }.get()
        let failure = try? await stopped.futureResult.get()
        timer.cancel()
        return failure
    }

    private func take(_ message: Message) throws {
        home.loop.assertInEventLoop()
        switch message {
        case .lifespanStartupComplete where !isStarted:
            isStarted = true
            started.succeed()
        case .lifespanStartupFailed(let message) where !isStarted:
            started.fail(StartupFailed(message: message))
        case .lifespanShutdownComplete where isStarted: answer(nil)
        case .lifespanShutdownFailed(let message) where isStarted: answer(message)
        default: throw ProtocolMisuse(message: message.type, expected: "the answer to a lifespan event")
        }
    }

    private func answer(_ failure: String?) {
        guard !isAnswered else { return }
        isAnswered = true
        stopped.succeed(failure)
    }

    private func ended() {
        if !isStarted { started.succeed() }
        answer(nil)
    }
}
