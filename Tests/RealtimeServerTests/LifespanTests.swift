import ConsumerRuntime
import RealtimeServer
import Replay
import Synchronization
import Testing

@Suite("The server's own life, as the application sees it") struct LifespanTests {
    /// Events in the order they were seen.
    private final class Diary: Sendable {
        private let entries = Mutex<[String]>([])
        func note(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    private func application(_ diary: Diary, _ answer: @escaping @Sendable (Message) -> Message?) -> any ASGIApplication
    {
        ProtocolTypeRouter([
            .lifespan: FunctionApplication { _, receive, send in
                while true {
                    let message = try await receive()
                    diary.note(message.type)
                    guard let reply = answer(message) else { throw NoRoute(wanted: "lifespan") }
                    try await send(reply)
                    if case .lifespanShutdown = message { return }
                }
            },
            .websocket: FunctionApplication { _, _, send in
                diary.note("connection")
                try await send(.websocketAccept())
            },
        ])
    }

    @Test("startup comes before the first connection, shutdown after the last")
    func order() async throws {
        let diary = Diary()
        let server = try await RealtimeServer.start(
            application: application(diary) { message in
                if case .lifespanStartup = message { .lifespanStartupComplete } else { .lifespanShutdownComplete }
            })
        let client = try await WebSocketClient.connect(port: server.port, path: "/")
        await client.ended()
        await server.stop()
        #expect(diary.all == ["lifespan.startup", "connection", "lifespan.shutdown"])
    }

    @Test("an application that fails to start keeps the server from listening, and says why")
    func failure() async throws {
        let diary = Diary()
        await #expect(throws: StartupFailed(message: "no database")) {
            try await RealtimeServer.start(
                application: application(diary) { _ in .lifespanStartupFailed(message: "no database") })
        }
    }

    @Test("an application that knows no lifespan is served all the same; one that fails at the end is let go")
    func others() async throws {
        for answers in [
            { (_: Message) -> Message? in nil },
            { message in
                if case .lifespanStartup = message { .lifespanStartupComplete } else { .lifespanShutdownFailed() }
            },
        ] as [@Sendable (Message) -> Message?] {
            let diary = Diary()
            let server = try await RealtimeServer.start(application: application(diary, answers))
            let client = try await WebSocketClient.connect(port: server.port, path: "/")
            await client.ended()
            await server.stop()
            #expect(diary.all.contains("connection"))
        }
    }
}
