import Foundation
import Statistics
import Testing

@testable import Observations

@Suite("Observations")
struct ObservationTests {
    @Test("every kind survives the wire unchanged", arguments: Observation.examples)
    func roundTrip(observation: Observation) throws {
        let bytes = try JSONEncoder().encode(observation)
        #expect(try JSONDecoder().decode(Observation.self, from: bytes) == observation)
    }

    @Test("a wire message cut at any byte is an error, never a trap", arguments: Observation.examples)
    func truncation(observation: Observation) throws {
        let bytes = try JSONEncoder().encode(observation)
        for length in 0..<bytes.count {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(Observation.self, from: bytes.prefix(length))
            }
        }
    }

    @Test("grades are ordered from what a client sees to what was counted")
    func grades() {
        #expect(Grade.outside < .sampled && Grade.sampled < .read && Grade.read < .exact)
    }

    @Test("differences of moments saturate instead of trapping")
    func saturation() {
        let early = Moment(nanoseconds: .min)
        let late = Moment(nanoseconds: .max)
        #expect(late - early == Nanoseconds(.max))
        #expect(early - late == Nanoseconds(.min))
        #expect(late + .seconds(1) == late)
    }

    @Test("stacks that are alike are added up, heaviest first")
    func merging() {
        let light = StackSample.example(function: "light", count: 1, weight: .milliseconds(1))
        let heavy = StackSample.example(function: "heavy", count: 2, weight: .milliseconds(2))
        let merged = StackSample.merged([light, heavy, heavy, light])
        #expect(merged.map(\.stack.leaf?.function) == ["heavy", "light"])
        #expect(merged.map(\.count) == [4, 2])
        #expect(merged[0].weight == .milliseconds(4))
    }

    @Test(
        "what a terminal would obey is made visible",
        arguments: [
            ("\u{1B}[2J", "\\u{1B}[2J"), ("a\nb", "a\\u{A}b"), ("\u{9B}31m", "\\u{9B}31m"),
            ("\u{202E}evil", "\\u{202E}evil"),
            ("Zürich 東京 <script>", "Zürich 東京 <script>"),
        ])
    func plainText(hostile: String, shown: String) {
        #expect(hostile.plain() == shown)
    }

    @Test("a name longer than the limit is cut and says so")
    func longNames() {
        #expect(String(repeating: "x", count: 1_000_000).plain(limit: 8) == "xxxxxxxx…")
    }
}

extension StackSample {
    static func example(function: String, count: Int, weight: Nanoseconds) -> StackSample {
        StackSample(
            time: Moment(nanoseconds: 1), pid: 1, tid: 2, thread: "MainThread", activity: .running,
            stack: StackTrace([Frame(kind: .python, function: function, file: "a.py", line: 3)]), count: count,
            weight: weight)
    }
}

extension Observation {
    /// One of each kind, with nothing left out that can be there.
    static let examples: [Observation] = {
        let time = Moment(nanoseconds: 12_345_678_901)
        var histogram = DurationHistogram()
        histogram.record(1234)
        let location = CodeLocation(
            function: "ChatConsumer.dispatch", file: "chat/consumers.py", line: 41, handlerLine: 44)
        let frame = Frame(kind: .python, function: "leaf_wait", file: "idle.py", line: 30)
        return [
            .start(
                SessionStart(
                    time: time, wallClock: 1.5, kind: .cpython, description: "uvicorn", pid: 1, grade: .read,
                    tool: "0.1")),
            .stack(.example(function: "f", count: 3, weight: .milliseconds(30))),
            .loop(
                LoopWindow(
                    start: time, length: .milliseconds(100), pid: 1, loop: "1", thread: "NIO-ELT-0-#0", grade: .exact,
                    ticks: 9,
                    busy: .milliseconds(1), threadCPU: .milliseconds(1), tickDurations: histogram,
                    heartbeatLag: .microseconds(9), readyHandles: 2, timers: 1)),
            .block(
                LoopBlock(
                    since: time, length: .milliseconds(300), pid: 1, loop: "1", stack: StackTrace([frame]),
                    consumer: "Slow",
                    message: "websocket.receive")),
            .dispatches(
                DispatchWindow(
                    start: time, length: .milliseconds(100), pid: 1, loop: "1", route: "ws/<room>", consumer: "Chat",
                    message: "websocket.receive", handler: "websocket_receive", outcomes: [.returned: 3, .stopped: 1],
                    afterDisconnect: 2, busy: .microseconds(3), durations: histogram)),
            .dispatch(
                DispatchEvent(
                    time: time, pid: 1, loop: "1", connection: 7, consumer: "Chat", message: "websocket.disconnect",
                    outcome: .threw, duration: .microseconds(4), error: "ValueError")),
            .swallowed(SwallowedStop(time: time, pid: 1, consumer: "Chat", location: location)),
            .connection(
                ConnectionEvent(
                    time: time, pid: 1, connection: 7, step: .ended, consumer: "Chat", path: "/ws", code: 1000,
                    outcome: .killed,
                    error: "CancelledError")),
            .consumer(
                ConsumerWindow(
                    start: time, length: .milliseconds(100), pid: 1, consumer: "Chat", tasksStarted: 2, tasksEnded: 1,
                    groupsJoined: 1, groupsLeft: 1, disconnectsDelivered: 5)),
            .connections(
                ConnectionCensus(
                    time: time, pid: 1, grade: .read,
                    consumers: [
                        ConsumerCount(
                            consumer: "Chat", override: location, sockets: [.open: 1, .closed: 3], tasks: 8, groups: 4)
                    ],
                    instances: [
                        ConsumerInstance(
                            id: 0x7F00, consumer: "Chat", socket: .closed, path: "/ws",
                            lastMessage: "websocket.disconnect",
                            lastMessageIsFirstDisconnect: false, dispatching: false, progress: 9, disconnects: 11,
                            closedAt: time,
                            tasks: 2, groups: 1, waitingIn: frame, channel: "specific.a!b")
                    ])),
            .tasks(
                TaskCensus(
                    time: time, pid: 1, grade: .read,
                    groups: [
                        TaskGroup(
                            name: "handler", consumer: "Chat", state: .waiting, waitsFor: "Queue.get",
                            stack: StackTrace([frame]),
                            count: 4, example: "Task-17")
                    ])),
            .types(TypeCensus(time: time, pid: 1, counts: ["Chat": 4])),
            .method(
                ConsumerMethod(
                    time: time, pid: 1, consumer: "Chat", name: "connect", location: location, uses: ["group_add"])),
            .process(
                ProcessSample(
                    time: time, pid: 1, parent: 0, name: "python", cpu: .seconds(1), age: .seconds(9),
                    residentBytes: 61_000_000,
                    descriptors: 31, descriptorLimit: 1024, sockets: ["ESTABLISHED": 4],
                    threads: [
                        ThreadSample(
                            tid: 1, name: "python", cpu: .seconds(1), runQueueWait: .seconds(2), voluntarySwitches: 3,
                            involuntarySwitches: 4, state: "R")
                    ])),
            .layer(
                LayerEvent(time: time, pid: 1, kind: .dropped, layer: "InMemoryChannelLayer", group: "room", count: 3)),
            .bridge(BridgeEvent(time: time, pid: 1, kind: .loopCreated, site: frame, count: 3)),
            .client(
                ClientEvent(
                    time: time, client: 4, phase: "sick", kind: .closed, code: 1000, latency: .milliseconds(1), count: 2
                )),
            .quality(SampleQuality(taken: 500, retried: 61, lost: 1, torn: 0)),
            .impact(Impact(writes: 0, stops: 0, bytesRead: 4_100_000, observerCPU: .milliseconds(6))),
            .note(ProbeNote(time: time, pid: 1, code: "LS401", text: "no channel layer seen")),
            .phase(PhaseMark(time: time, name: "sick")),
            .end(SessionEnd(time: time, reason: .targetExited, detail: "exit 0")),
        ]
    }()
}
