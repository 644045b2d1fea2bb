import Analysis
import Observations
import Testing

@testable import Detectors

private let chat = "chat.consumers.ChatConsumer"
private let seconds: [Int64] = [0, 400, 1400, 2400, 3400, 4400]
private let disconnect = Frame(
    kind: .python, function: "ChatConsumer.disconnect", file: "/srv/chat.py", line: 27, definition: 25)

/// A census a second, each made by `body` out of the milliseconds since the start.
private func watch(
    _ times: [Int64] = seconds, server: String = "uvicorn 0.38.0 wsproto/asyncio, CPython 3.13.5",
    more: [Observation] = [], _ body: (Int64) -> ConnectionCensus
) -> ObservationLog {
    ObservationLog(
        [
            .start(
                SessionStart(
                    time: at(0), wallClock: 0, kind: .cpython, description: server, pid: 1, grade: .read, tool: "test"))
        ] + times.map { .connections(body($0)) } + more)
}

private func census(
    _ time: Int64, _ instances: [ConsumerInstance] = [], server: ServerState? = nil, layers: [LayerCensus] = []
) -> ConnectionCensus {
    ConnectionCensus(
        time: at(time), pid: 1, grade: .read,
        consumers: [
            ConsumerCount(
                consumer: chat,
                sockets: Dictionary(instances.map { ($0.socket, 1) }, uniquingKeysWith: +), tasks: 0)
        ], instances: instances, server: server, layers: layers)
}

private func goodbye(_ id: UInt64, wait: WaitKind = .event, line: Int = 27) -> ConsumerInstance {
    var frame = disconnect
    frame.line = line
    return ConsumerInstance(
        id: id, consumer: chat, socket: .closed, path: "/ws/chat", lastMessage: "websocket.disconnect",
        dispatching: true, progress: 1, tasks: 3, waitingIn: frame, channel: "specific.a!\(id)", wait: wait)
}

@Suite("Stuck in disconnect")
struct StuckAfterDisconnectTests {
    @Test("a wait without an end is named by function, line and paths, with what the server will do")
    func stuck() throws {
        let findings = try judge(watch { census($0, [goodbye(1), goodbye(2)]) }).findings
        #expect(findings.map(\.code) == ["LS003"])
        let finding = try #require(findings.first)
        #expect(finding.count == 2 && finding.consumer == chat)
        #expect(finding.location == CodeLocation(function: disconnect.function, file: "/srv/chat.py", line: 25))
        #expect(finding.evidence.contains { $0.hasPrefix("waiting at line 27 of ChatConsumer.disconnect") })
        #expect(finding.evidence.contains("on /ws/chat (2)"))
        #expect(finding.evidence.contains { $0.contains("--timeout-graceful-shutdown") })
        #expect(finding.connections.map(\.channel) == ["specific.a!1", "specific.a!2"])
    }

    @Test(
        "daphne is only said to have cancelled them when its time was over: they may have caught a cancellation of their own",
        arguments: [
            (patience: Int64(1000), said: "daphne has cancelled them"),
            (10_000, "daphne will cancel each of them 10 s"),
        ])
    func cancelled(patience: Int64, said: String) throws {
        let server = ServerState(package: "daphne", patience: .milliseconds(patience))
        let place = CodeLocation(function: disconnect.function, file: "/srv/chat.py", line: 25, handlerLine: 28)
        let caught = SwallowedStop(time: at(1), pid: 1, consumer: chat, location: place, error: "CancelledError")
        let finding = try #require(
            try judge(watch(more: [.swallowed(caught)]) { census($0, [goodbye(1)], server: server) }).findings.first)
        #expect(finding.code == "LS003" && finding.location == place)
        #expect(finding.evidence.contains { $0.hasPrefix(said) }, "\(finding.evidence)")
        #expect(finding.fix.contains("re-raise the cancellation in ChatConsumer.disconnect"))
    }

    @Test(
        "a goodbye that sleeps, works in a thread or asks a peer is given time",
        arguments: [WaitKind.timer, .thread, .peer])
    func honest(wait: WaitKind) throws {
        let judgement = try judge(watch { census($0, [goodbye(1, wait: wait)]) })
        #expect(judgement.findings.isEmpty)
        #expect(judgement.notChecked.first { $0.code == "LS003" }?.why.contains("observe longer") == true)
        let long = try judge(watch([0, 10_000, 31_000]) { census($0, [goodbye(1, wait: wait)]) })
        #expect(long.findings.map(\.code) == ["LS003"])
    }

    @Test("one that moves on, or ends by itself, is silent")
    func moves() throws {
        #expect(try judge(watch { census($0, [goodbye(1, line: 20 + Int($0 / 1000))]) }).findings.isEmpty)
        #expect(try judge(watch { census($0, $0 < 4400 ? [goodbye(1)] : []) }).findings.isEmpty)
    }

    @Test("one that daphne ended after its deadline was stuck all the same")
    func killed() throws {
        let server = ServerState(package: "daphne", grace: .zero, patience: .seconds(10), handshake: .seconds(5))
        let times: [Int64] = (0...12).map { $0 * 1000 }
        let log = watch(times, server: "daphne 4.2.3") { census($0, $0 < 10_000 ? [goodbye(1)] : [], server: server) }
        let finding = try #require(try judge(log).findings.first)
        #expect(finding.code == "LS003")
        #expect(finding.evidence.contains("1 of them cancelled by the server meanwhile"))
    }
}

@Suite("Handshake never answered")
struct HandshakeUnansweredTests {
    private func hanging(_ id: UInt64, dispatching: Bool = false, wait: WaitKind? = nil) -> ConsumerInstance {
        ConsumerInstance(
            id: id, consumer: chat, socket: .handshake, path: "/ws/chat", lastMessage: "websocket.connect",
            dispatching: dispatching, progress: 1, tasks: 3, wait: wait)
    }
    private let connect = Observation.method(
        ConsumerMethod(
            time: at(0), pid: 1, consumer: chat, name: "connect",
            location: CodeLocation(function: "ChatConsumer.connect", file: "/srv/chat.py", line: 9)))

    @Test(
        "a connect that returned without an answer is named, with what the server does about it",
        arguments: [
            (Nanoseconds.max, "for ever"), (Nanoseconds.seconds(5), "after 5 s"),
        ])
    func returned(limit: Nanoseconds, said: String) throws {
        let server = ServerState(package: "uvicorn", handshake: limit)
        let findings = try judge(watch(more: [connect]) { census($0, [hanging(1), hanging(2)], server: server) })
            .findings
        #expect(findings.map(\.code) == ["LS201"])
        #expect(findings.first?.count == 2)
        #expect(findings.first?.location?.line == 9)
        #expect(findings.first?.evidence.contains { $0.contains(said) } == true)
    }

    @Test("it stands although the server gave up in the end")
    func gaveUp() throws {
        let log = watch { census($0, $0 < 4000 ? [hanging(1)] : []) }
        #expect(try judge(log).findings.map(\.code) == ["LS201"])
    }

    @Test("connections that wait a moment, or are open, are silent")
    func twin() throws {
        #expect(try judge(watch([0, 400, 1400]) { census($0, [hanging(1)]) }).findings.isEmpty)
        #expect(
            try judge(watch { census($0, [hanging(UInt64($0), dispatching: true, wait: .event)]) }).findings.isEmpty)
        #expect(
            try judge(watch { census($0, [hanging(1, dispatching: true, wait: .timer)]) }).findings.isEmpty)
    }
}

@Suite("Task outlives its connection")
struct TaskOutlivesConnectionTests {
    private let beat = Frame(
        kind: .python, function: "ChatConsumer.heartbeat", file: "/srv/chat.py", line: 18, definition: 16)
    private let code = [
        ("connect", 12, ["accept", "asyncio", "ensure_future", "heartbeat"]), ("heartbeat", 16, ["asyncio", "sleep"]),
    ].map { name, line, uses in
        Observation.method(
            ConsumerMethod(
                time: at(0), pid: 1, consumer: chat, name: name,
                location: CodeLocation(function: "ChatConsumer.\(name)", file: "/srv/chat.py", line: line), uses: uses))
    }
    private let tasks = Observation.tasks(TaskCensus(time: at(0), pid: 1, grade: .read, groups: []))

    private func orphan(_ id: UInt64, wait: WaitKind = .event) -> ConsumerInstance {
        ConsumerInstance(
            id: id, consumer: chat, socket: .closed, path: "/ws/chat", tasks: 1, waitingIn: beat, wait: wait,
            isServed: false)
    }

    @Test("consumers that only their tasks keep alive are named by coroutine, and by who probably started it")
    func orphans() throws {
        let log = watch(more: code + [tasks]) { census($0, [orphan(1), orphan(2)]) }
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS101"])
        let finding = try #require(findings.first)
        #expect(finding.count == 2)
        #expect(finding.location == CodeLocation(function: beat.function, file: beat.file, line: 16))
        #expect(finding.evidence.contains("probably started in ChatConsumer.connect (/srv/chat.py:12)"))
        #expect(finding.fix.contains("ChatConsumer.disconnect"))
    }

    @Test("one that was cancelled and caught it is blamed on the handler, and on nothing else")
    func caught() throws {
        let place = CodeLocation(function: "ChatConsumer.beat", file: "/srv/chat.py", line: 30, handlerLine: 34)
        let stop = SwallowedStop(time: at(1), pid: 1, consumer: chat, location: place, error: "CancelledError")
        let findings = try judge(watch(more: code + [tasks, .swallowed(stop)]) { census($0, [orphan(1)]) }).findings
        #expect(findings.map(\.code) == ["LS101"] && findings.first?.location == place)
        #expect(findings.first?.evidence.contains { $0.hasSuffix("caught CancelledError at line 34") } == true)
        #expect(findings.first?.fix.contains("re-raise the cancellation in ChatConsumer.beat") == true)
    }

    @Test("tasks of several places: the place of most is blamed, the others are listed")
    func places() throws {
        func started(_ id: UInt64, _ method: String, line: Int) -> ConsumerInstance {
            let place = Frame(kind: .logical, function: "ChatConsumer.\(method)", file: "/srv/Chat.swift", line: line)
            return ConsumerInstance(
                id: id, consumer: chat, socket: .closed, path: "/ws/chat", tasks: 1, waitingIn: place, wait: .event,
                isServed: false)
        }
        let instances = [
            started(1, "receive", line: 30), started(2, "connect", line: 12), started(3, "connect", line: 12),
        ]
        let finding = try #require(try judge(watch(more: [tasks]) { census($0, instances) }).findings.first)
        #expect(finding.count == 3)
        #expect(finding.location == CodeLocation(function: "ChatConsumer.connect", file: "/srv/Chat.swift", line: 12))
        #expect(finding.evidence[0].hasPrefix("2 tasks started in ChatConsumer.connect"))
        #expect(finding.evidence.contains("1 consumer by those of ChatConsumer.receive (/srv/Chat.swift:30)"))
        #expect(finding.fix.contains("keep the task that ChatConsumer.connect starts"))
    }

    @Test("tasks that wind up, or may soon, are silent")
    func twin() throws {
        #expect(try judge(watch(more: [tasks]) { census($0, $0 < 2000 ? [orphan(1)] : []) }).findings.isEmpty)
        #expect(try judge(watch(more: [tasks]) { census($0, [orphan(1, wait: .timer)]) }).findings.isEmpty)
    }

    /// Censuses of `counts` tasks of one coroutine, a second apart, and a process with `connections`.
    private func crowd(
        _ counts: [Int], numbers: ClosedRange<Int>?, connections: Int, renewed: Int = 0
    ) -> ObservationLog {
        let frame = Frame(kind: .python, function: "heartbeat", file: "/srv/app.py", line: 13, definition: 11)
        var log = ObservationLog([
            .start(
                SessionStart(
                    time: at(0), wallClock: 0, kind: .cpython, description: "aiohttp", pid: 1, grade: .read,
                    tool: "test"))
        ])
        for (second, count) in counts.enumerated() {
            let time = at(Int64(second) * 1000)
            let shift = second * renewed
            let numbers = numbers.map { $0.lowerBound + shift...$0.upperBound + shift }
            let group = TaskGroup(
                name: "heartbeat", state: .waiting, stack: StackTrace([frame]), count: count, numbers: numbers)
            log.append([
                .tasks(TaskCensus(time: time, pid: 1, grade: .read, groups: [group])),
                .process(
                    ProcessSample(
                        time: time, pid: 1, name: "python", cpu: .zero, age: .seconds(9), residentBytes: 0,
                        sockets: ["ESTABLISHED": connections])),
            ])
        }
        return log
    }

    @Test("without Channels, a coroutine whose tasks outnumber connections is a hint, and more when they grow")
    func crowds() throws {
        let still = try judge(crowd([5, 5, 5, 5, 5, 5], numbers: 8...40, connections: 0)).findings
        #expect(still.map(\.code) == ["LS101"])
        #expect(still.first?.confidence == .hint && still.first?.severity == .medium)
        #expect(still.first?.location == CodeLocation(function: "heartbeat", file: "/srv/app.py", line: 11))
        let growing = try judge(crowd([5, 6, 7, 8, 9, 10], numbers: 8...40, connections: 1)).findings
        #expect(growing.first?.confidence == .strong && growing.first?.severity == .high)
    }

    @Test("short tasks of which there are always many are work in progress")
    func busy() throws {
        let log = crowd(Array(repeating: 90, count: 6), numbers: 100...500, connections: 2, renewed: 400)
        #expect(try judge(log).findings.isEmpty)
    }

    @Test(
        "a pool, a task per connection, and a single task of the process are silent",
        arguments: [(8, 2...9, 0), (8, 2...90, 8), (1, 5...5, 0)])
    func honestCrowds(count: Int, numbers: ClosedRange<Int>, connections: Int) throws {
        let log = crowd(Array(repeating: count, count: 6), numbers: numbers, connections: connections)
        #expect(try judge(log).findings.isEmpty)
    }
}

@Suite("Group never left")
struct StaleGroupMembersTests {
    private func layer(stale: Int, members: Int = 7) -> LayerCensus {
        LayerCensus(
            alias: "default", layer: "channels.layers.InMemoryChannelLayer", members: members, stale: stale,
            groups: stale > 0 ? [.init(name: "leaky", members: members, stale: stale)] : [])
    }
    private func joins(_ consumer: String, _ uses: [String], line: Int) -> Observation {
        .method(
            ConsumerMethod(
                time: at(0), pid: 1, consumer: consumer, name: "connect",
                location: CodeLocation(function: "\(consumer).connect", file: "/srv/c.py", line: line), uses: uses))
    }

    @Test("memberships that nobody receives from are counted, and the class that mentions the group is suspected")
    func stale() throws {
        let code = [
            joins("Leaky", ["group_add", "'leaky'"], line: 9), joins("Other", ["group_add", "'news'"], line: 19),
            joins("Honest", ["group_add", "'leaky'", "group_discard"], line: 29),
        ]
        let findings = try judge(watch([0, 400, 1400], more: code) { census($0, layers: [layer(stale: 5)]) }).findings
        #expect(findings.map(\.code) == ["LS401"])
        #expect(findings.first?.count == 5 && findings.first?.consumer == "Leaky")
        #expect(findings.first?.location?.line == 9)
        #expect(findings.first?.evidence.contains("in leaky (5 of 7)") == true)
    }

    @Test("members that are leaving just now are silent, and so are the groups of the living")
    func twin() throws {
        #expect(
            try judge(watch([0, 400, 1400]) { census($0, layers: [layer(stale: $0 == 400 ? 0 : 2)]) }).findings.isEmpty)
        #expect(try judge(watch { census($0, layers: [layer(stale: 0)]) }).checked.contains("LS401"))
    }

    @Test("Redis keeps its groups elsewhere, and that is said")
    func redis() throws {
        let layer = LayerCensus(alias: "default", layer: "channels_redis.core.RedisChannelLayer")
        let judgement = try judge(watch { census($0, layers: [layer]) })
        #expect(judgement.notChecked.first { $0.code == "LS401" }?.why.contains("RedisChannelLayer keeps") == true)
    }
}

@Suite("Shutdown waits")
struct ShutdownWaitsTests {
    @Test("a shutdown that hangs without another cause is a finding of its own")
    func hangs() throws {
        let log = watch { time in
            census(
                time,
                server: ServerState(
                    package: "uvicorn", isStopping: time > 1000, applications: 2, connections: 0, grace: .max))
        }
        let findings = try judge(log).findings
        #expect(findings.map(\.code) == ["LS801"])
        #expect(findings.first?.count == 2)
    }

    @Test("where a cause is known, the shutdown is a line under it")
    func consequence() throws {
        let server = ServerState(
            package: "uvicorn", isStopping: true, applications: 1, connections: 0, grace: .seconds(30))
        let findings = try judge(watch { census($0, [goodbye(1)], server: server) }).findings
        #expect(findings.map(\.code) == ["LS003"])
        #expect(findings.first?.evidence.contains { $0.contains("until its graceful timeout of 30 s") } == true)
        #expect(findings.first?.evidence.contains { $0.contains("told to end 4.4 s ago") } == true)
    }

    /// A consumer whose socket is gone while it handles a text.
    private func deaf(_ id: UInt64, wait: WaitKind = .event) -> ConsumerInstance {
        var instance = goodbye(id, wait: wait)
        instance.lastMessage = "websocket.receive"
        return instance
    }

    @Test("a handler that waits for ever although its connection is closed is named before a deploy hangs on it")
    func deaf() throws {
        let server = ServerState(package: "uvicorn", isStopping: false, applications: 2, connections: 0, grace: .max)
        let findings = try judge(watch { census($0, [deaf(1), deaf(2)], server: server) }).findings
        let finding = try #require(findings.first)
        #expect(findings.count == 1 && finding.code == "LS801" && finding.count == 2 && finding.consumer == chat)
        #expect(finding.location?.line == 25 && finding.focus == 27)
        #expect(finding.evidence.contains { $0.contains("for ever without --timeout-graceful-shutdown") })
        #expect(!finding.evidence.contains { $0.contains("told to end") })
    }

    @Test("the same during a deploy is one finding, which says since when")
    func deafDuringDeploy() throws {
        let findings = try judge(
            watch { time in
                census(
                    time, [deaf(1)],
                    server: ServerState(
                        package: "hypercorn", isStopping: time > 1000, applications: 1, grace: .seconds(3)))
            }
        ).findings
        #expect(findings.map(\.code) == ["LS801"])
        #expect(findings.first?.evidence.contains { $0.contains("told to end") } == true)
    }

    @Test(
        "a handler that a time limit, a thread or a peer will end is honest work",
        arguments: [WaitKind.timer, .thread, .peer])
    func honestHandler(wait: WaitKind) throws {
        #expect(try judge(watch { census($0, [deaf(1, wait: wait)]) }).findings.isEmpty)
    }

    @Test("open connections of a server that goes on are no finding")
    func twin() throws {
        let server = ServerState(package: "uvicorn", isStopping: false, applications: 9, connections: 9, grace: .max)
        #expect(try judge(watch { census($0, server: server) }).findings.isEmpty)
    }
}
