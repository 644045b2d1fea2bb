import Analysis
import Observations
import Testing

@testable import Detectors

private let chat = "chat.consumers.ChatConsumer"

/// A session on exact counts with a census each half second.
private func session(
    until end: Int64, _ instance: ConsumerInstance?, _ more: [Observation] = []
) throws -> [String] {
    let start = SessionStart(
        time: at(0), wallClock: 0, kind: .cpython, description: "uvicorn", pid: 1, grade: .exact, tool: "test")
    let censuses = stride(from: Int64(0), through: end, by: 500).map { time in
        Observation.connections(
            ConnectionCensus(
                time: at(time), pid: 1, grade: .exact, consumers: [], instances: instance.map { [$0] } ?? []))
    }
    return try Catalogue.judge(Evidence(ObservationLog([.start(start)] + more + censuses))).findings.map(\.code)
}

private func consumer(disconnects: Int, dispatching: Bool = false) -> ConsumerInstance {
    ConsumerInstance(
        id: 1, consumer: chat, socket: .closed, path: "/ws/chat", lastMessage: "websocket.receive",
        dispatching: dispatching, progress: 2, disconnects: disconnects, tasks: 3)
}

private func client(_ time: Int64, _ count: Int) -> Observation {
    .client(ClientEvent(time: at(time), client: 1, phase: "churn", kind: .opened, count: count))
}

private func accepted(_ number: UInt64) -> [Observation] {
    [ConnectionEvent.Step.opened, .accepted].map { step in
        .connection(ConnectionEvent(time: at(10), pid: 1, connection: number, step: step, consumer: chat))
    }
}

@Suite("The ends disagree")
struct EndsDisagreeTests {
    @Test("a consumer that is not told of its closed socket is found after four seconds, and not before")
    func unheard() throws {
        #expect(try session(until: 5000, consumer(disconnects: 0)) == ["LS901"])
        #expect(try session(until: 3000, consumer(disconnects: 0)).isEmpty)
    }

    @Test("one that was told, or is in a handler, is somebody else's to judge")
    func told() throws {
        #expect(try !session(until: 5000, consumer(disconnects: 1)).contains("LS901"))
        #expect(try !session(until: 5000, consumer(disconnects: 0, dispatching: true)).contains("LS901"))
    }

    @Test("clients that were answered more often than the server accepted are found; the newest are left out")
    func unseen() throws {
        #expect(try session(until: 5000, nil, [client(20, 2)] + accepted(1)) == ["LS901"])
        #expect(try session(until: 5000, nil, [client(20, 1)] + accepted(1)).isEmpty)
        #expect(try session(until: 5000, nil, [client(20, 1), client(4000, 3)] + accepted(1)).isEmpty)
        #expect(try session(until: 5000, nil, [client(20, 1)] + accepted(1) + accepted(2)).isEmpty)
    }
}
