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

private func client(_ time: Int64, _ count: Int, _ kind: ClientEvent.Kind = .opened) -> Observation {
    .client(ClientEvent(time: at(time), client: 1, phase: "churn", kind: kind, count: count))
}

private func closed(_ number: UInt64) -> Observation {
    .connection(ConnectionEvent(time: at(40), pid: 1, connection: number, step: .closed, consumer: chat))
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

    @Test("connections that are over for their clients and not for the server are found; the newest are left out")
    func unclosed() throws {
        let opened = [client(20, 2)] + accepted(1) + accepted(2)
        #expect(try session(until: 6000, nil, opened + [client(30, 2, .closed), closed(1)]) == ["LS901"])
        #expect(try session(until: 6000, nil, opened + [client(30, 2, .closed), closed(1), closed(2)]).isEmpty)
        #expect(
            try session(until: 6000, nil, opened + [client(30, 1, .closed), client(5000, 1, .closed), closed(1)])
                .isEmpty)
        #expect(try session(until: 6000, nil, opened + [closed(1), closed(2)]).isEmpty)
    }

    @Test("clients that were answered more often than the server accepted are found; the newest are left out")
    func unseen() throws {
        #expect(try session(until: 5000, nil, [client(20, 2)] + accepted(1)) == ["LS901"])
        #expect(try session(until: 5000, nil, [client(20, 1)] + accepted(1)).isEmpty)
        #expect(try session(until: 5000, nil, [client(20, 1), client(4000, 3)] + accepted(1)).isEmpty)
        #expect(try session(until: 5000, nil, [client(20, 1)] + accepted(1) + accepted(2)).isEmpty)
    }
}
