import ConsumerRuntime
import Demo
import EmbeddedProbe
import Observations
import RealtimeServer
import Replay
import Statistics
import Testing

@Suite("Loops and layers as the probe tells them") struct LoopTests {
    @Test("a handler that blocks its loop is caught in the act: consumer, message, function, line")
    func block() async throws {
        let log = try await withServer { harness in
            let client = try await harness.connect("/ws/thumbnail/")
            for picture in 1...3 { _ = try await client.roundTrip("\(picture).png") }
            try await harness.eventually("a block with its stack") { !$0.blocks().allSatisfy(\.stack.frames.isEmpty) }
            await client.close()
        }
        let block = try #require(log.blocks().first { !$0.stack.frames.isEmpty })
        #expect(block.consumer == "Demo.ThumbnailConsumer")
        #expect(block.message == "websocket.receive")
        #expect(block.length > .milliseconds(100))
        let frame = try #require(block.stack.frames.first { $0.function.hasPrefix("ThumbnailConsumer.render") })
        #expect(frame.file?.hasSuffix("OtherConsumers.swift") == true)
        #expect(frame.line != nil)
        #expect(log.loops().contains { ($0.heartbeatLag ?? .zero) > .milliseconds(200) })
        let busy = log.dispatchWindows().filter { $0.message == "websocket.receive" }.map(\.busy).reduce(.zero, +)
        #expect(busy > .milliseconds(250))
    }

    @Test("the same work off the loop blocks nothing, and its suspension is not time on the loop")
    func offloaded() async throws {
        let log = try await withServer { harness in
            let client = try await harness.connect("/ws/offloaded-thumbnail/")
            _ = try await client.roundTrip("cat.png")
            await client.close()
            try await harness.balanced(opened: 1)
        }
        let window = try #require(log.dispatchWindows().first { $0.message == "websocket.receive" })
        #expect(window.busy < .milliseconds(100))
        #expect((window.durations.maximum ?? 0) > 290_000_000)
        let logical = try #require(log.stacks().first { $0.stack.leaf?.function == "websocket_receive" })
        #expect(
            logical.stack.frames.map(\.function) == [
                "loop 1", "/ws/offloaded-thumbnail/", "Demo.OffloadedThumbnailConsumer", "websocket.receive",
                "websocket_receive",
            ])
    }

    @Test("a group reaches its members on every loop; joins and leaves balance")
    func groups() async throws {
        let layer = InMemoryChannelLayer()
        let log = try await withServer(loops: 2, layer: layer) { harness in
            var clients: [WebSocketClient] = []
            for _ in 0..<6 { clients.append(try await harness.connect("/ws/fixed-chat/lobby/")) }
            for client in clients { _ = try await client.roundTrip("ready") }
            #expect(layer.members(of: "chat_lobby").count == 6)
            try await layer.groupSend("chat_lobby", LayerMessage(type: "chat.message", ["text": "hello"]))
            for client in clients { #expect(try await client.receive() == .text("hello")) }
            await harness.probe.census()
            for client in clients { await client.close() }
            try await harness.balanced(opened: 6)
        }
        let windows = log.consumerWindows()
        #expect(windows.reduce(0) { $0 + $1.groupsJoined } == 6)
        #expect(windows.reduce(0) { $0 + $1.groupsLeft } == 6)
        #expect(windows.reduce(0) { $0 + $1.tasksStarted } == 18)
        #expect(windows.reduce(0) { $0 + $1.tasksEnded } == 18)
        let tasks = log.taskCensuses().first { $0.total == 18 }
        #expect(tasks?.groups.map(\.name) == ["application", "layer.receive", "receive"])
        #expect(layer.members(of: "chat_lobby").isEmpty)
    }

    @Test("a task that outlives its instance is counted as not ended")
    func tasks() async throws {
        for (path, left) in [("/ws/ticker/", 1), ("/ws/fixed-ticker/", 0)] {
            let log = try await withServer { harness in
                let client = try await harness.connect(path)
                await client.close()
                try await harness.balanced(opened: 1)
            }
            let windows = log.consumerWindows()
            let started = windows.reduce(0) { $0 + $1.tasksStarted }
            #expect(started == 3)
            #expect(started - windows.reduce(0) { $0 + $1.tasksEnded } == left)
        }
    }

    @Test("the windows of a loop add up to the time that passed, and tell its thread")
    func windows() async throws {
        let log = try await withServer { harness in
            let client = try await harness.connect("/ws/echo/")
            try await harness.eventually("five windows") { $0.loops().count > 5 }
            await client.close()
        }
        let windows = log.loops()
        for (one, next) in zip(windows, windows.dropFirst()) { #expect(one.start + one.length == next.start) }
        #expect(windows.allSatisfy { $0.loop == "1" && $0.grade == .exact && $0.thread.hasPrefix("NIO-ELT") })
        #expect(windows.contains { ($0.ticks ?? 0) > 0 && ($0.threadCPU ?? .zero) > .zero })
        #expect(log.start()?.kind == .embedded)
    }
}
