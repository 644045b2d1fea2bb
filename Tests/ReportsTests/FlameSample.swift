import Analysis
import Observations

/// Stacks with everything in them: two loops, two consumers, tasks, libraries, native and logical frames.
extension Sample {
    static var stacks: [StackSample] {
        let loop = [
            python("run", "/usr/lib/python3.13/asyncio/runners.py", 194),
            python("BaseEventLoop.run_until_complete", "/usr/lib/python3.13/asyncio/base_events.py", 712),
            python("BaseEventLoop.run_forever", "/usr/lib/python3.13/asyncio/base_events.py", 683),
            python("BaseEventLoop._run_once", "/usr/lib/python3.13/asyncio/base_events.py", 2042),
        ]
        let channels = "/srv/venv/lib/python3.13/site-packages/channels/"
        let served =
            loop + [
                python("Handle._run", "/usr/lib/python3.13/asyncio/events.py", 89),
                python("AsyncConsumer.__call__", channels + "consumer.py", 58),
                python("await_many_dispatch", channels + "utils.py", 57),
            ]
        let chat = served + [python("ChatConsumer.dispatch", "/srv/app/chat/consumers.py", 41)]
        let board = served + [python("ScoreboardConsumer.dispatch", "/srv/app/board/consumers.py", 17)]
        let parent = [python("AsyncConsumer.dispatch", channels + "consumer.py", 73)]
        let leaf = { (name: String, line: Int) in [python(name, "/srv/app/chat/consumers.py", line)] }
        return [
            sample(
                chat + parent + [
                    python("AsyncWebsocketConsumer.websocket_disconnect", channels + "generic/websocket.py", 246)
                ], 310, "chat.consumers.ChatConsumer", "Task-17"),
            sample(
                chat + parent + [python("get_handler_name", channels + "consumer.py", 14)], 96,
                "chat.consumers.ChatConsumer", "Task-17"),
            sample(
                chat + leaf("ChatConsumer._log", 88) + [
                    python("Logger.info", "/usr/lib/python3.13/logging/__init__.py", 1519)
                ], 141, "chat.consumers.ChatConsumer", "Task-17"),
            sample(chat, 204, "chat.consumers.ChatConsumer", "Task-18"),
            sample(
                board + parent + leaf("ScoreboardConsumer.receive_json", 31) + [
                    native("PyObject_GetAttr"), native("_PyType_Lookup"),
                ], 74, "board.consumers.ScoreboardConsumer", "Task-21"),
            sample(
                board + parent + leaf("ScoreboardConsumer.send_scores", 52) + [
                    python("JSONEncoder.encode", "/usr/lib/python3.13/json/encoder.py", 200)
                ], 58, "board.consumers.ScoreboardConsumer", "Task-21"),
            sample(loop + [python("EpollSelector.select", "/usr/lib/python3.13/selectors.py", 452)], 37, nil, nil),
            StackSample(
                time: at(1000), pid: 4711, tid: 4712, thread: "ThreadPoolExecutor-0_0", activity: .running,
                stack: StackTrace([
                    python("Thread._bootstrap", "/usr/lib/python3.13/threading.py", 1014),
                    python("render_badge", "/srv/app/badges.py", 9),
                ]),
                count: 22, weight: .milliseconds(22)),
            StackSample(
                time: at(1000), pid: 4711, tid: 4713, thread: "idle", activity: .idle,
                stack: StackTrace([python("wait", "/usr/lib/python3.13/threading.py", 359)]), count: 999,
                weight: .seconds(9)),
            StackSample(
                time: at(1000), pid: 4711, tid: 0, thread: "loop 1", activity: .logical,
                stack: StackTrace(
                    ["loop 1", "ws/<room>", "chat.consumers.ChatConsumer", "websocket.disconnect", "dispatch"].map {
                        Frame(kind: .logical, function: $0)
                    }),
                consumer: "chat.consumers.ChatConsumer", count: 11_840, weight: .milliseconds(120)),
        ]
    }

    private static func python(_ name: String, _ file: String, _ line: Int) -> Frame {
        Frame(kind: .python, function: name, file: file, line: line)
    }

    private static func native(_ name: String) -> Frame { Frame(kind: .native, function: name) }

    private static func sample(_ frames: [Frame], _ count: Int, _ consumer: String?, _ task: String?) -> StackSample {
        StackSample(
            time: at(1000), pid: 4711, tid: 4711, thread: "MainThread", activity: .running, holdsGIL: true,
            stack: StackTrace(frames), consumer: consumer, task: task, count: count, weight: .milliseconds(Int64(count))
        )
    }

    /// A page with something in every section, the sick phase beside its twin.
    static func page() throws -> ReportDocument {
        var more: [Observation] = stacks.map(Observation.stack)
        for (name, start, sick) in [("sick", Int64(0), true), ("twin", 2500, false)] {
            more.append(.phase(PhaseMark(time: at(start), name: name)))
            for connection in UInt64(0)..<12 {
                let id = connection + UInt64(start)
                let opened = start + 100 + Int64(connection) * 60
                for (step, time) in [
                    (ConnectionEvent.Step.opened, opened), (.accepted, opened + 2), (.started, opened + 3),
                    (.closed, opened + 900),
                ] {
                    more.append(
                        .connection(
                            ConnectionEvent(
                                time: at(time), pid: 4711, connection: id, step: step,
                                consumer: sick ? "SwallowingConsumer" : "HonestConsumer", path: "/ws")))
                }
                if !sick || connection > 2 {
                    more.append(
                        .connection(
                            ConnectionEvent(
                                time: at(opened + 905), pid: 4711, connection: id, step: .ended,
                                consumer: sick ? "SwallowingConsumer" : "HonestConsumer", outcome: .stopped)))
                }
            }
            more.append(
                .consumer(
                    ConsumerWindow(
                        start: at(start), length: .seconds(2), pid: 4711,
                        consumer: sick ? "SwallowingConsumer" : "HonestConsumer",
                        tasksStarted: 24, tasksEnded: sick ? 18 : 24, groupsJoined: 12, groupsLeft: sick ? 9 : 12,
                        disconnectsDelivered: sick ? 23_680 : 12)))
        }
        for index in Int64(10)..<50 {
            let load: Int64 = index < 26 ? 60 + index % 7 * 5 : 4 + index % 5
            more.append(
                .loop(
                    LoopWindow(
                        start: at(index * 100), length: .milliseconds(100), pid: 4711, loop: "1", thread: "MainThread",
                        grade: .read,
                        ticks: 410, busy: .milliseconds(load), threadCPU: .milliseconds(load),
                        heartbeatLag: .microseconds(840))))
        }
        // As a recorder would have met them.
        let inOrder = more.enumerated().sorted {
            (($0.element.time ?? at(0)).nanoseconds, $0.offset) < (($1.element.time ?? at(0)).nanoseconds, $1.offset)
        }
        return try report(findings: [finding, slow], inOrder.map(\.element))
    }

    private static let slow = Finding(
        code: "LS601", title: "blocked loop", severity: .high, confidence: .strong, grade: .exact, pid: 4711,
        consumer: "board.consumers.ScoreboardConsumer", count: 1,
        location: CodeLocation(
            function: "ScoreboardConsumer.send_scores", file: "/srv/app/board/consumers.py", line: 52),
        evidence: ["the loop missed its heartbeat for 312 ms", "its thread was in JSONEncoder.encode"],
        howSure: "seen once, with its stack", fix: "move the work to a thread with `asyncio.to_thread`")
}
