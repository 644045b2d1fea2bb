import Analysis
import Observations
import Testing

@testable import Detectors

private let runner = Frame(
    kind: .python, function: "BaseEventLoop._run_once", file: "/usr/lib/python3.13/asyncio/base_events.py", line: 1999)
private let script = Frame(kind: .python, function: "<module>", file: "/srv/venv/bin/uvicorn", line: 8)
private let receive = Frame(
    kind: .python, function: "SlowConsumer.receive", file: "/srv/app/slow.py", line: 14, definition: 12)
private let importing = Frame(kind: .python, function: "_find_and_load", file: "<frozen importlib._bootstrap>", line: 1)

private func turn(
    _ milliseconds: Int64, from since: Int64, in frames: [Frame] = [script, runner, receive]
) -> Observation {
    .block(
        LoopBlock(
            since: at(since), length: .milliseconds(milliseconds), pid: 1, loop: "7f", stack: StackTrace(frames),
            consumer: "app.SlowConsumer", message: "websocket.receive", samples: Int(milliseconds / 10)))
}

@Suite("Blocked loop, sampled")
struct SampledBlockTests {
    @Test("a place that blocked twice is named with the line of its def, and how many samples say so")
    func twice() throws {
        let log = session([], more: [turn(200, from: 0), turn(210, from: 500), turn(150, from: 900)])
        let finding = try #require(try judge(log).findings.first)
        #expect(finding.code == "LS601" && finding.count == 3 && finding.grade == .sampled)
        #expect(
            finding.location
                == CodeLocation(function: "SlowConsumer.receive", file: "/srv/app/slow.py", line: 12))
        #expect(finding.evidence.contains("at line 14") && finding.howSure.contains("56 samples of 3 turns"))
    }

    @Test("on uvloop before CPython 3.12 the turn is what uvicorn's own asyncio.run runs: its place is named")
    func compat() throws {
        let compat = Frame(
            kind: .python, function: "asyncio_run", file: "/srv/venv/lib/python3.9/site-packages/uvicorn/_compat.py",
            line: 60)
        let stack = StackTrace([script, compat, receive])
        #expect(stack.turn.map(Array.init) == [receive])
        #expect(StackTrace([script, compat]).turn?.isEmpty == true)
    }

    @Test("a block that is told again while it lasts is one block")
    func lasting() throws {
        let log = session([], more: [turn(300, from: 0), turn(1300, from: 0), turn(2300, from: 0)])
        let finding = try #require(try judge(log).findings.first)
        #expect(finding.count == 1 && finding.evidence[0].contains("blocked 1 time, 2300 ms"))
    }

    @Test(
        "a process that waits for a processor most of the time must block longer", arguments: [(0, true), (80, false)])
    func crowdedMachine(waits: Int64, isFound: Bool) throws {
        let samples = [Int64(0), 1000].map { time in
            Observation.process(
                ProcessSample(
                    time: at(time), pid: 1, name: "python", cpu: .milliseconds(time / 5), age: .seconds(9),
                    residentBytes: 0,
                    threads: [
                        ThreadSample(
                            tid: 1, name: "python", cpu: .milliseconds(time / 5),
                            runQueueWait: .milliseconds(time * waits / 100), state: "R")
                    ]))
        }
        let findings = try judge(session([], more: samples + [turn(150, from: 0), turn(160, from: 500)])).findings
        #expect(findings.isEmpty != isFound)
    }

    @Test("thousands of short callbacks in one turn are no handler that blocks")
    func crowd() throws {
        let window = { (ready: Int) in
            Observation.loop(
                LoopWindow(
                    start: at(0), length: .seconds(2), pid: 1, loop: "7f", thread: "t", grade: .read, ticks: 3,
                    busy: .seconds(2), readyHandles: ready))
        }
        let blocks = [turn(600, from: 0), turn(700, from: 900)]
        #expect(try judge(session([], more: blocks + [window(9000)])).findings.isEmpty)
        #expect(try judge(session([], more: blocks + [window(40)])).findings.map(\.code) == ["LS601"])
    }

    @Test(
        "one short block, blocks while importing, and turns of the server's own are silent",
        arguments: [
            [turn(300, from: 0)],
            [
                turn(300, from: 0, in: [runner, receive, importing]),
                turn(900, from: 500, in: [runner, receive, importing]),
            ],
            [turn(900, from: 0, in: [script, runner])],
        ])
    func silent(more: [Observation]) throws { #expect(try judge(session([], more: more)).findings.isEmpty) }
}

private let watch = Frame(kind: .python, function: "Idle.watch", file: "/srv/app/idle.py", line: 33, definition: 31)
private let sleeping = ["sleep", "__sleep0"].map {
    Frame(kind: .python, function: $0, file: "/usr/lib/python3.13/asyncio/tasks.py", line: 6)
}

/// Five seconds of a loop that turns all the time, with one task in each of its censuses.
private func spinning(
    turns: Int = 20_000, own: Int64 = 20, taken: Int64 = 480,
    every census: [TaskGroup.State] = [.ready, .running, .ready, .ready],
    inner: [Frame] = sleeping
) -> [Observation] {
    var more = census.enumerated().map { index, state -> Observation in
        .tasks(
            TaskCensus(
                time: at(Int64(index) * 1300), pid: 1, grade: .read,
                groups: [
                    TaskGroup(
                        name: "Idle.watch", consumer: "app.Idle", state: state,
                        stack: StackTrace([watch] + (state == .running ? [] : inner)), count: 2)
                ]))
    }
    more.append(
        .loop(
            LoopWindow(
                start: at(0), length: .seconds(5), pid: 1, loop: "7f", thread: "python", grade: .sampled,
                ticks: 5 * turns, busy: .milliseconds(4900))))
    // As before CPython 3.11: a sampled frame does not know its class.
    let short = Frame(
        kind: watch.kind, function: "watch", file: watch.file, line: watch.line, definition: watch.definition)
    for (leaf, count) in [(short, own), (runner, taken - own)] {
        more.append(
            .stack(
                StackSample(
                    time: at(5000), pid: 1, tid: 1, thread: "python", activity: .running,
                    stack: StackTrace([runner, leaf]), count: Int(count), weight: .milliseconds(10 * count))))
    }
    return more
}

@Suite("Idle busy loop")
struct IdleBusyLoopTests {
    @Test("a coroutine that polls in every census is named, with the loop it keeps busy")
    func found() throws {
        let finding = try #require(try judge(session([], more: spinning())).findings.first)
        #expect(finding.code == "LS602" && finding.count == 2 && finding.consumer == "app.Idle")
        #expect(finding.location == CodeLocation(function: "Idle.watch", file: "/srv/app/idle.py", line: 31))
        #expect(finding.evidence.contains { $0.contains("20 000 times a second, 98 % busy") })
    }

    @Test(
        "honest work in slices, a quiet loop, a task that was not always ready, one that awaits: all silent",
        arguments: [
            spinning(own: 450), spinning(turns: 1000, own: 100), spinning(turns: 100),
            spinning(every: [.ready, .ready, .waiting, .ready]),
            spinning(every: [.ready, .ready]),
            spinning(inner: [Frame(kind: .python, function: "Event.wait", file: "/usr/lib/python3.13/asyncio/locks.py")]
            ),
        ])
    func silent(more: [Observation]) throws { #expect(try judge(session([], more: more)).findings.isEmpty) }

    @Test("a poller on uvloop and CPython 3.9, whose own frame has a third of the samples, is still one")
    func leanLoop() throws {
        #expect(try judge(session([], more: spinning(turns: 35_000, own: 51, taken: 159))).findings.count == 1)
    }

    @Test("LS602 on hard-work under load: samples that were never taken are no time in which it did not work")
    func lostSamples() throws {
        // 26 of 120 samples in five seconds, in the handler itself: 21 µs a turn, not 5.
        #expect(try judge(session([], more: spinning(turns: 5000, own: 26, taken: 120))).findings.isEmpty)
    }

    @Test(
        "LS602 on hard-work on a fast CPython 3.14: slices of 14 µs are work, and so are those of 6 µs",
        arguments: [14, 6])
    func shortSlices(microseconds: Int64) throws {
        // A fifth of each turn.
        let turns = 100_000 / Int(microseconds)
        #expect(try judge(session([], more: spinning(turns: turns, own: 96))).findings.isEmpty)
    }

    @Test("too few censuses say nothing, and that is said")
    func short() throws {
        let judgement = try judge(session([], more: spinning(every: [.ready, .ready])))
        #expect(judgement.notChecked.map(\.code).contains("LS602"))
    }
}
