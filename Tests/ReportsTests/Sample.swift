import Analysis
import Observations
import Statistics

func at(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000) }

/// A report with something in every section.
enum Sample {
    static let finding = Finding(
        code: "LS001", title: "swallowed stop (hot)", severity: .critical, confidence: .proof, grade: .read, pid: 4711,
        consumer: "chat.consumers.ChatConsumer", count: 3,
        location: CodeLocation(
            function: "ChatConsumer.dispatch", file: "/srv/app/chat/consumers.py", line: 41, handlerLine: 44),
        evidence: [
            "3 consumers still dispatching websocket.disconnect for closed connections", "11 840 disconnects/s",
            "97 % of loop 1's time",
        ],
        howSure: "seen in 3 of 3 censuses", fix: "add `except StopConsumer: raise` before `except Exception`",
        check: "log message[\"type\"]",
        source: SourceExcerpt(
            time: at(900), pid: 4711, file: "/srv/app/chat/consumers.py", firstLine: 42,
            lines: [
                "        try:", "\t    await super().dispatch(message)", "        except Exception:  # <b>&",
                "            logger.exception(message)", "",
            ]))

    static var observations: [Observation] {
        var ticks = DurationHistogram()
        ticks.record(110_000, times: 900)
        ticks.record(240_000, times: 10)
        var log: [Observation] = [
            .start(
                SessionStart(
                    time: at(0), wallClock: 1_795_600_800, kind: .cpython,
                    description: "uvicorn 0.38.0 websockets/asyncio, CPython 3.13.5", pid: 4711, grade: .read,
                    tool: "test")),
            .connections(
                ConnectionCensus(
                    time: at(500), pid: 4711, grade: .read,
                    consumers: [
                        ConsumerCount(
                            consumer: "chat.consumers.ChatConsumer", sockets: [.open: 1, .closed: 3], tasks: 8)
                    ])),
            .tasks(
                TaskCensus(
                    time: at(500), pid: 4711, grade: .read,
                    groups: [
                        TaskGroup(
                            name: "ChatConsumer.__call__", consumer: "chat.consumers.ChatConsumer", state: .waiting,
                            waitsFor: "Queue.get", count: 4, example: "Task-17")
                    ])),
            .quality(SampleQuality(taken: 500, retried: 61)),
            .impact(Impact(bytesRead: 4_100_000, observerCPU: .milliseconds(30))),
            .note(ProbeNote(time: at(900), pid: 4711, text: "one worker")),
        ]
        for index in 0..<10 {
            log.append(
                .loop(
                    LoopWindow(
                        start: at(Int64(index) * 100), length: .milliseconds(100), pid: 4711, loop: "1",
                        thread: "MainThread",
                        grade: .read, ticks: 810, busy: .milliseconds(97), threadCPU: .milliseconds(97),
                        tickDurations: ticks,
                        readyHandles: 4, timers: 2)))
        }
        let hot = ["_run_once", "await_many_dispatch", "ChatConsumer.dispatch"].map {
            Frame(kind: .python, function: $0, file: "/srv/app/chat/consumers.py", line: 41)
        }
        log.append(
            .stack(
                StackSample(
                    time: at(1000), pid: 4711, tid: 4711, thread: "MainThread", activity: .running, holdsGIL: true,
                    stack: StackTrace(hot), count: 92, weight: .milliseconds(920))))
        for (time, cpu) in [(Int64(0), Int64(0)), (1000, 970)] {
            log.append(
                .process(
                    ProcessSample(
                        time: at(time), pid: 4711, name: "python3.13", cpu: .milliseconds(cpu + 22_000),
                        age: .milliseconds(100_000 + time), residentBytes: 61_000_000, descriptors: 31,
                        descriptorLimit: 1024,
                        sockets: ["ESTABLISHED": 4, "LISTEN": 1],
                        threads: [ThreadSample(tid: 4711, name: "python3.13", cpu: .milliseconds(cpu), state: "R")])))
        }
        log.append(.end(SessionEnd(time: at(1000), reason: .finished)))
        return log
    }

    static func report(findings: [Finding] = [finding], _ more: [Observation] = []) throws -> ReportDocument {
        try ReportDocument(ObservationLog(observations + more)) { _ in
            Judgement(
                findings: findings, checked: ["LS001", "LS002"],
                notChecked: [(code: "LS401", why: "no channel layer seen")])
        }
    }
}
