import ConsumerRuntime
import Demo
import EmbeddedProbe
import Foundation
import Observations
import RealtimeServer
import Replay
import Testing

@Suite("The swallowed stop's faces") struct SwallowedStopTests {
    private func play(_ path: String, _ policy: DeliveryPolicy, until: @escaping (ObservationLog) -> Bool) async throws
        -> ObservationLog
    {
        try await withServer(policy: policy) { harness in
            let client = try await harness.connect(path)
            #expect(try await client.roundTrip("hello") > .zero)
            await client.close()
            try await harness.eventually("\(path) under \(policy.name)", until)
            await harness.probe.census()
        }
    }

    private static func disconnects(_ log: ObservationLog) -> Int {
        log.consumerWindows().reduce(0) { $0 + $1.disconnectsDelivered }
    }

    @Test("hot: a server that delivers it again and again, while a neighbour echoes")
    func hot() async throws {
        let log = try await withServer(policy: .uvicornWebsockets) { harness in
            let healthy = try await harness.connect("/ws/echo/")
            let sick = try await harness.connect("/ws/chat/lobby/")
            await sick.close()
            try await harness.eventually("a thousand disconnects") { Self.disconnects($0) > 1000 }
            for turn in 0..<200 { _ = try await healthy.roundTrip("turn \(turn)") }
            await harness.probe.census()
            await harness.probe.census()
            await healthy.close()
        }
        let instance = try #require(
            log.connectionCensuses().last?.instances.first { $0.consumer == "Demo.ChatConsumer" })
        #expect(instance.socket == .closed)
        #expect((instance.disconnects ?? 0) > 1000)
        #expect(instance.lastMessageIsFirstDisconnect == false)
        let stop = try #require(log.swallowedStops().first)
        #expect(stop.consumer == "Demo.ChatConsumer")
        #expect(stop.location.function == "ChatConsumer.dispatch")
        #expect(stop.location.file?.hasSuffix("Demo/ChatConsumers.swift") == true)
        #expect(stop.location.line == 12)
        #expect(stop.location.handlerLine == nil)  // the chain tells the call, not the `catch` around it
        #expect(log.swallowedStops().count == 1)
    }

    @Test(
        "cold: a server that falls silent",
        arguments: [(DeliveryPolicy.uvicornSansIO, 2), (.hypercorn, 1)])
    func cold(policy: DeliveryPolicy, times: Int) async throws {
        let log = try await play("/ws/chat/lobby/", policy) { Self.disconnects($0) == times }
        #expect(log.count(.ended) == 0)
        #expect(log.connectionCensuses().last?.instances.first?.disconnects == times)
        #expect(log.swallowedStops().first?.location.function == "ChatConsumer.dispatch")
    }

    @Test("bounded: a server that kills it")
    func bounded() async throws {
        let log = try await play("/ws/chat/lobby/", .daphne(closeDeadline: .milliseconds(50))) {
            $0.connections().contains { $0.outcome == .killed }
        }
        #expect(Self.disconnects(log) == 1)
    }

    @Test("the corrected twin stops under every policy", arguments: DeliveryPolicy.all)
    func twin(policy: DeliveryPolicy) async throws {
        let log = try await play("/ws/fixed-chat/lobby/", policy) { $0.count(.ended) == 1 }
        #expect(log.connections().last { $0.step == .ended }?.outcome == .stopped)
        #expect(Self.disconnects(log) == 1)
        #expect(log.swallowedStops().isEmpty)
    }

    @Test("an override of the disconnect's handler that does not stop is named")
    func noStop() async throws {
        let log = try await withServer(policy: .hypercorn) { harness in
            let client = try await harness.connect("/ws/no-stop/")
            await client.close()
            try await harness.eventually("one disconnect") { Self.disconnects($0) == 1 }
        }
        #expect(log.swallowedStops().first?.location.function == "PresenceConsumer.websocketDisconnect")
        #expect(log.swallowedStops().first?.location.file?.hasSuffix("Demo/OtherConsumers.swift") == true)
        // The first of the two in that file is the one that does not stop.
        let file = try #require(log.swallowedStops().first?.location.file)
        let lines = try String(contentsOfFile: file, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        let line = try #require(lines.firstIndex { $0.contains("func websocketDisconnect") }) + 1
        #expect(log.swallowedStops().first?.location.line == line)
    }
}
