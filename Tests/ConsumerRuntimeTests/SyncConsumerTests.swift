import ConsumerRuntime
import Dispatch
@preconcurrency import Glibc
import Instruments
import NIOCore
import NIOPosix
import Observations
import Synchronization
import Testing

/// A number that several threads count.
final class Counter: Sendable {
    private let value = Mutex(0)
    func withLock<Result>(_ body: (inout sending Int) -> sending Result) -> Result { value.withLock(body) }
}

/// Blocks, and says on which thread.
private final class BlockingConsumer: SyncWebSocketConsumer {
    override var groups: [String] { ["blocking"] }

    override func receive(text: String) throws {
        switch text {
        case "thread": try send(text: pthread_self() == Self.loopThread.withLock { $0 } ? "loop" : "thread")
        case "everyone": try groupSend("blocking", LayerMessage(type: "say"))
        case "wait":
            Self.barrier.withLock { $0 += 1 }
            // Both must be here at the same time: were there one thread, they never would.
            while Self.barrier.withLock({ $0 }) < 2 { usleep(1000) }
            try send(text: "together")
        case "throw": throw AcceptConnection()
        default: try send(text: text)
        }
    }

    override func receive(bytes: [UInt8]) throws { try send(bytes: bytes) }
    override func handleOnThread(_ event: LayerMessage) throws { try send(text: event.type) }

    static let barrier = Counter()
    static let loopThread = Mutex<pthread_t?>(nil)
}

/// Swallows its stop on its thread.
private final class SwallowingConsumer: SyncWebSocketConsumer {
    override func dispatchOnThread(_ message: Message) throws { do { try super.dispatchOnThread(message) } catch {} }
}

/// Starts a task on its thread, which ends at once or never.
private final class StartingConsumer: SyncWebSocketConsumer {
    override func receive(text: String) throws {
        let isLeft = text == "leave"
        let task = startTask(named: "work") {
            while isLeft, !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
        }
        if !isLeft {
            let done = DispatchSemaphore(value: 0)
            Task {
                await task.value
                done.signal()
            }
            done.wait()
        }
        try send(text: "started")
    }
}

@Suite("Synchronous consumers") struct SyncConsumerTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let layer = InMemoryChannelLayer()

    @Test("a conversation: text, bytes, a group, the end")
    func conversation() async throws {
        let application = BlockingConsumer.application(layer: layer)
        let thread = try await loop.submit { pthread_self() }.get()
        BlockingConsumer.loopThread.withLock { $0 = thread }
        let client = try await WebSocketCommunicator(application, "/", on: loop)
        #expect(try await client.connect() == .accepted(subprotocol: nil))
        try await client.send(text: "thread")
        #expect(try await client.receive() == .text("thread"))
        try await client.send(bytes: [1, 2])
        #expect(try await client.receive() == .bytes([1, 2]))
        try await client.send(text: "everyone")
        #expect(try await client.receive() == .text("say"))
        #expect(layer.members(of: "blocking").count == 1)
        try await client.disconnect()
        #expect(layer.members(of: "blocking").isEmpty)
    }

    @Test("two consumers that block do so side by side, and neither holds up the loop")
    func sideBySide() async throws {
        let application = BlockingConsumer.application()
        var clients: [WebSocketCommunicator] = []
        for _ in 0..<2 {
            let client = try await WebSocketCommunicator(application, "/", on: loop)
            _ = try await client.connect()
            clients.append(client)
        }
        for client in clients { try await client.send(text: "wait") }
        for client in clients { #expect(try await client.receive(timeout: .seconds(10)) == .text("together")) }
        for client in clients { try await client.disconnect() }
    }

    @Test("a task started on the thread is counted on the loop, with the line that started it")
    func startedTasks() async throws {
        let instrument = Instrument()
        let meter = instrument.makeLoop(loop)
        let client = try await WebSocketCommunicator(StartingConsumer.application(), "/", on: loop, instrument: meter)
        _ = try await client.connect()
        for text in ["end", "leave"] + Array(repeating: "end", count: 20) {
            try await client.send(text: text)
            #expect(try await client.receive() == .text("started"))
        }
        let tasks = try #require(await meter.census()?.instances.first?.tasks)
        #expect(tasks["work"] == 1)
        try await client.disconnect()
        let left = try #require(await meter.census()?.instances.first)
        #expect(left.tasks == ["work": 1] && left.instance.waitingIn?.function == "StartingConsumer.receive")
    }

    @Test("an error on the thread gets out; a swallowed stop leaves the consumer alive")
    func endings() async throws {
        let broken = try await WebSocketCommunicator(BlockingConsumer.application(), "/", on: loop)
        _ = try await broken.connect()
        try await broken.send(text: "throw")
        await #expect(throws: AcceptConnection.self) { try await broken.receive() }
        let stuck = try await WebSocketCommunicator(SwallowingConsumer.application(), "/", on: loop)
        _ = try await stuck.connect()
        let ending = Task { try await stuck.disconnect() }
        #expect(await stuck.receiveNothing())
        await stuck.cancel()
        await #expect(throws: CancellationError.self) { try await ending.value }
    }
}
