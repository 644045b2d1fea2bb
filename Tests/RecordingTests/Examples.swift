import Observations
import Statistics

/// Names as a hostile target could have them.
enum HostileName {
    static let all = [
        "chat.consumers.ChatConsumer", "", "a\0b", "<script>alert(1)</script>", "]]>", "\u{1B}[2J\u{9B}31m",
        "a;b\nc\r\t",
        "'); DROP TABLE samples; --", "\u{202E}evil", "Zürich 東京 🧵", "\u{FFFD}", String(repeating: "x", count: 100_000),
    ]
}

extension Observation {
    /// One of each kind, every name in it `name`, nothing left out that can be there, as schema `version` can hold it.
    static func full(
        named name: String = "Chat", at time: Moment = Moment(nanoseconds: 12_345_678_901), version: Int = 2
    ) -> [Observation] {
        var histogram = DurationHistogram()
        histogram.record(1234)
        histogram.record(9_000_000, times: 3)
        let location = CodeLocation(function: name, file: name, line: 41, handlerLine: 44)
        let frame = Frame(kind: .python, function: name, file: name, line: 30, definition: version > 1 ? 28 : nil)
        let stack = StackTrace([Frame(kind: .logical, function: name), frame, frame])
        let window = Nanoseconds.milliseconds(100)
        return [
            .start(
                SessionStart(
                    time: time, wallClock: 1_764_450_000.25, kind: .cpython, description: name, pid: 1, grade: .read,
                    tool: "0.1")),
            .stack(
                StackSample(
                    time: time, pid: 1, tid: 2, thread: name, activity: .running, holdsGIL: true, stack: stack,
                    consumer: name,
                    task: name, count: 3, weight: .milliseconds(30))),
            .loop(
                LoopWindow(
                    start: time, length: window, pid: 1, loop: name, thread: name, grade: .exact, ticks: 9,
                    busy: .milliseconds(1),
                    threadCPU: .milliseconds(1), tickDurations: histogram, heartbeatLag: .microseconds(9),
                    readyHandles: 2,
                    timers: 1)),
            .block(
                LoopBlock(
                    since: time, length: window, pid: 1, loop: name, stack: stack, consumer: name, message: name,
                    samples: version > 1 ? 9 : nil)),
            .dispatches(
                DispatchWindow(
                    start: time, length: window, pid: 1, loop: name, route: name, consumer: name, message: name,
                    handler: name,
                    outcomes: [.returned: 3, .stopped: 0], afterDisconnect: 2, busy: .microseconds(3),
                    durations: histogram)),
            .dispatch(
                DispatchEvent(
                    time: time, pid: 1, loop: name, connection: .max, consumer: name, message: name, outcome: .threw,
                    duration: .microseconds(4), error: name)),
            .swallowed(
                SwallowedStop(
                    time: time, pid: 1, consumer: name, location: location, error: version > 1 ? name : nil)),
            .connection(
                ConnectionEvent(
                    time: time, pid: 1, connection: 7, step: .ended, consumer: name, path: name, code: 1000,
                    outcome: .killed,
                    error: name)),
            .consumer(
                ConsumerWindow(
                    start: time, length: window, pid: 1, consumer: name, tasksStarted: 2, tasksEnded: 1,
                    groupsJoined: 1,
                    groupsLeft: 1, disconnectsDelivered: 5)),
            .connections(
                ConnectionCensus(
                    time: time, pid: 1, grade: .read,
                    consumers: [
                        ConsumerCount(
                            consumer: name, override: location, sockets: [.open: 1, .closed: 3], tasks: 8, groups: 4),
                        ConsumerCount(consumer: name, sockets: [:], tasks: 0).dispatching,
                    ],
                    instances: [
                        ConsumerInstance(
                            id: 0xFFFF_7F00_0000_0000, consumer: name, socket: .closed, path: name, lastMessage: name,
                            lastMessageIsFirstDisconnect: false, dispatching: true, progress: .max, disconnects: 11,
                            closedAt: time,
                            tasks: 2, groups: 1, waitingIn: frame, channel: name, wait: .event,
                            isServed: false)
                    ],
                    server: ServerState(
                        package: name, implementation: name, isStopping: true, applications: 3, connections: 1,
                        grace: .max, patience: .seconds(10), handshake: .seconds(5)),
                    layers: [
                        LayerCensus(
                            alias: name, layer: name, members: 5, stale: 4,
                            groups: [.init(name: name, members: 5, stale: 4)])
                    ])),
            .tasks(
                TaskCensus(
                    time: time, pid: 1, grade: .read,
                    groups: [
                        TaskGroup(
                            name: name, consumer: name, state: .waiting, waitsFor: name, stack: stack, count: 4,
                            example: name, numbers: 3...9)
                    ])),
            .types(TypeCensus(time: time, pid: 1, counts: [name: 4, "another": 2])),
            .method(
                ConsumerMethod(
                    time: time, pid: 1, consumer: name, name: name, location: location, uses: ["group_add", "open"])),
            .process(
                ProcessSample(
                    time: time, pid: 1, parent: 0, name: name, cpu: .seconds(1), age: .seconds(9),
                    residentBytes: 61_000_000,
                    descriptors: 31, descriptorLimit: 1024, sockets: [name: 4, "CLOSE_WAIT": 1],
                    threads: [
                        ThreadSample(
                            tid: 1, name: name, cpu: .seconds(1), runQueueWait: .seconds(2), voluntarySwitches: 3,
                            involuntarySwitches: 4, state: name)
                    ], descriptorKinds: [name: 3, "pipe": 2])),
            .layer(LayerEvent(time: time, pid: 1, kind: .dropped, layer: name, group: name, count: 3)),
            .bridge(BridgeEvent(time: time, pid: 1, kind: .loopCreated, site: frame, count: 3)),
            .client(
                ClientEvent(
                    time: time, client: 4, phase: name, kind: .closed, code: 1000, latency: .milliseconds(1), count: 2)),
            .quality(SampleQuality(taken: 500, retried: 61, lost: 1, torn: 2)),
            .impact(Impact(writes: 1, stops: 2, bytesRead: 4_100_000, observerCPU: .milliseconds(6))),
            .note(ProbeNote(time: time, pid: 1, code: name, text: name)),
            .phase(PhaseMark(time: time, name: name)),
            .end(SessionEnd(time: time, reason: .targetExited, detail: name)),
        ] + (version > 1 ? second(named: name, at: time, frame) : [])
    }

    /// One of each kind that came with version 2.
    private static func second(named name: String, at time: Moment, _ frame: Frame) -> [Observation] {
        [
            .bridges(
                BridgeCensus(
                    time: time, pid: 1, grade: .read,
                    calls: [
                        BridgeCall(
                            executor: .max, workers: 1, running: 0xFFFF_7F00_0000_0000, thread: name, function: frame,
                            waitsIn: frame, since: time, site: frame, consumer: name, count: 3)
                    ])),
            .source(SourceExcerpt(time: time, pid: 1, file: name, firstLine: 40, lines: [name, "", name])),
            .source(SourceExcerpt(time: time, pid: 1, file: name, line: 40, absence: .newer)),
        ]
    }

    /// One of each kind with everything unknown that may be.
    static func bare(at time: Moment = Moment(nanoseconds: 5), version: Int = 2) -> [Observation] {
        let length = Nanoseconds.zero
        return [
            .start(SessionStart(time: time, wallClock: -1, kind: .url, description: "d", grade: .outside, tool: "")),
            .stack(
                StackSample(
                    time: time, pid: 1, tid: 0, thread: "t", activity: .logical, stack: StackTrace([]), count: 1,
                    weight: .zero)),
            .loop(LoopWindow(start: time, length: length, pid: 1, loop: "1", thread: "t", grade: .sampled)),
            .block(LoopBlock(since: time, length: length, pid: 1, loop: "1", stack: StackTrace([]))),
            .dispatches(
                DispatchWindow(
                    start: time, length: length, pid: 1, loop: "1", consumer: "c", message: "m", handler: "h")),
            .dispatch(
                DispatchEvent(
                    time: time, pid: 1, loop: "1", connection: 0, consumer: "c", message: "m", outcome: .stopped,
                    duration: length)),
            .swallowed(SwallowedStop(time: time, pid: 1, consumer: "c", location: CodeLocation(function: "f"))),
            .connection(ConnectionEvent(time: time, pid: 1, connection: 0, step: .opened)),
            .consumer(ConsumerWindow(start: time, length: length, pid: 1, consumer: "c")),
            .connections(
                ConnectionCensus(
                    time: time, pid: 1, grade: .exact, consumers: [],
                    instances: [ConsumerInstance(id: 0, consumer: "c", socket: .unknown)])),
            .tasks(TaskCensus(time: time, pid: 1, grade: .read, groups: [TaskGroup(name: "n", state: .finished)])),
            .types(TypeCensus(time: time, pid: 1, counts: [:])),
            .method(
                ConsumerMethod(time: time, pid: 1, consumer: "c", name: "m", location: CodeLocation(function: "f"))),
            .process(ProcessSample(time: time, pid: 1, name: "n", cpu: length, age: length, residentBytes: 0)),
            .layer(LayerEvent(time: time, pid: 1, kind: .full, layer: "l")),
            .bridge(BridgeEvent(time: time, pid: 1, kind: .queued)),
            .client(ClientEvent(time: time, client: 0, phase: "p", kind: .timedOut)),
            .note(ProbeNote(time: time, text: "")),
            .phase(PhaseMark(time: time, name: "")),
            .end(SessionEnd(time: time, reason: .failed)),
        ]
            + (version > 1
                ? [
                    .bridges(BridgeCensus(time: time, pid: 1, grade: .read, calls: [BridgeCall(executor: 0)])),
                    .source(SourceExcerpt(time: time, pid: 1, file: "f", firstLine: 1, lines: [])),
                ] : [])
    }
}

extension ConsumerCount {
    /// The same with dispatches counted.
    fileprivate var dispatching: ConsumerCount {
        var count = self
        count.dispatches = DispatchCount(count: 41, span: .milliseconds(25), instances: 5)
        return count
    }
}

extension Observation {
    /// What is left of it in a recording from before version 4.
    var beforeVersion4: Observation {
        guard case .connections(var census) = self else { return self }
        for index in census.consumers.indices { census.consumers[index].dispatches = nil }
        return .connections(census)
    }

    /// What is left of it in a recording from before version 3.
    var beforeVersion3: Observation? {
        switch self {
        case .method: return nil
        case .connections(var census):
            (census.server, census.layers) = (nil, [])
            for index in census.instances.indices {
                census.instances[index].wait = nil
                census.instances[index].isServed = true
            }
            return .connections(census)
        case .tasks(var census):
            for index in census.groups.indices { census.groups[index].numbers = nil }
            return .tasks(census)
        case .process(var sample):
            sample.descriptorKinds = [:]
            return .process(sample)
        default: return self
        }
    }
}
