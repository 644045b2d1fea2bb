import Analysis
import Gate
import Observations
import Scenarios
import Testing

@Suite("A check")
struct CheckTests {
    private func check(_ text: String) throws -> Check {
        try #require(try Scenario(yaml: "scenario: x\nphases: [{phase: p, check: \"\(text)\"}]").phases[0].checks.first)
    }

    private func evidence(stuck: Int, open: Int, fds: Int, pid: Int32 = 1) throws -> Evidence {
        let start = Moment(nanoseconds: 0)
        let count = ConsumerCount(
            consumer: "chat.Chat", sockets: [.closed: stuck, .open: open], tasks: 2 * (stuck + open))
        let rows = (0..<stuck).map {
            ConsumerInstance(id: UInt64($0), consumer: "chat.Chat", socket: .closed, tasks: 2)
        }
        return try Evidence(
            ObservationLog([
                .start(
                    SessionStart(
                        time: start, wallClock: 0, kind: .cpython, description: "x", pid: pid, grade: .read, tool: "1")),
                .connections(
                    ConnectionCensus(
                        time: start + .seconds(1), pid: pid, grade: .read, consumers: [count], instances: rows)),
                .process(
                    ProcessSample(
                        time: start + .seconds(1), pid: pid, name: "python", cpu: .seconds(1), age: .seconds(10),
                        residentBytes: 1_000_000, descriptors: fds)),
            ]))
    }

    @Test(
        "holds or fails by what was measured",
        arguments: [
            ("consumers.stuck == 0", CheckResult.Outcome.failed), ("consumers.stuck <= 3", .held),
            ("consumers.stuck{chat.Chat} == 3", .held), ("consumers.stuck{chat.Other} == 0", .unknown),
            ("consumers.alive == 4", .held), ("tasks.leaked == 6", .held), ("fds.growth == 2", .held),
            ("fds.growth < 2", .failed), ("clients.failed == 0", .held), ("cpu.percent < 2", .unknown),
            ("exit.seconds <= 3 s", .unknown), ("latency.p99 < 50 ms", .unknown), ("findings == 1", .held),
        ])
    func outcomes(_ text: String, _ expected: CheckResult.Outcome) throws {
        let baseline = Populations(try evidence(stuck: 0, open: 0, fds: 7))
        let measured = Measurements(
            evidence: try evidence(stuck: 3, open: 1, fds: 9), baseline: baseline, clients: ClientTally(), findings: 1)
        #expect(CheckResult(try check(text), phase: "p", on: measured).outcome == expected)
    }

    @Test("of loops for single calls divides what a WSGI server made by the requests it served since")
    func loopsPerRequest() throws {
        func evidence(_ made: [Int], _ served: [Int]) throws -> Evidence {
            let time = Moment(nanoseconds: 1)
            return try Evidence(
                ObservationLog(
                    made.map { .bridge(BridgeEvent(time: time, pid: 1, kind: .threadCreated, count: $0)) }
                        + served.map { .bridge(BridgeEvent(time: time, pid: 1, kind: .request, count: $0)) }))
        }
        func value(_ now: Evidence, since before: Evidence) throws -> Double? {
            Measurements(evidence: now, baseline: Populations(before), clients: ClientTally())
                .value(of: try #require(Metric.named("loops.per_request")))
        }
        let warm = try evidence([0, 7], [0, 3])
        #expect(try value(try evidence([0, 7, 20], [0, 3, 4]), since: warm) == 5)
        #expect(try value(try evidence([0, 7], [0, 3, 4]), since: warm) == 0)
        // No request since, and a server that counts none: executors of an ASGI server are no loops.
        #expect(try value(warm, since: warm) == nil)
        #expect(try value(try evidence([9], []), since: try evidence([0], [])) == nil)
    }

    @Test("of dispatches counts those that came again, on exact evidence only", arguments: [Grade.exact, .read])
    func dispatches(_ grade: Grade) throws {
        let time = Moment(nanoseconds: 0)
        let window = DispatchWindow(
            start: time, length: .seconds(1), pid: 1, loop: "1", consumer: "chat.Chat", message: "websocket.disconnect",
            handler: "websocket_disconnect", outcomes: [.returned: 12], afterDisconnect: 9)
        let start = SessionStart(
            time: time, wallClock: 0, kind: .embedded, description: "x", pid: 1, grade: grade, tool: "1")
        let evidence = try Evidence(ObservationLog([.start(start), .dispatches(window)]))
        let value = Measurements(evidence: evidence, clients: ClientTally())
            .value(of: try #require(Metric.named("dispatches.per_message")))
        #expect(value == (grade == .exact ? 4 : nil))
    }

    @Test("names the coroutines, threads and groups that there are more of")
    func suspects() throws {
        func evidence(_ count: Int) throws -> Evidence {
            let (time, frame) = (
                Moment(nanoseconds: 1), Frame(kind: .python, function: "tick", file: "a.py", line: 9, definition: 7)
            )
            let layer = LayerCensus(
                alias: "default", layer: "L", members: count, stale: 0,
                groups: [.init(name: "news", members: count, stale: 0)])
            return try Evidence(
                ObservationLog([
                    .tasks(
                        TaskCensus(
                            time: time, pid: 1, grade: .read,
                            groups: [
                                TaskGroup(name: "T.tick", state: .waiting, stack: StackTrace([frame]), count: count),
                                TaskGroup(name: "T.gone", state: .finished, count: 9 * count),
                            ])),
                    .connections(
                        ConnectionCensus(time: time, pid: 1, grade: .read, consumers: [], layers: [layer])),
                    .process(
                        ProcessSample(
                            time: time, pid: 1, name: "p", cpu: .zero, age: .zero, residentBytes: 1,
                            threads: (0..<count).map {
                                ThreadSample(tid: Int32($0), name: "Pool-\($0)_0", cpu: .zero, state: "S")
                            })),
                ]))
        }
        let readings = Readings(
            Measurements(evidence: try evidence(5), baseline: Populations(try evidence(2)), clients: ClientTally()))
        #expect(readings.suspects["tasks.growth"]?.map(\.sentence) == ["3 × T.tick (a.py:7)"])
        #expect(readings.suspects["threads.growth"]?.map(\.text) == ["3 × Pool-#_#"])
        #expect(readings.suspects["groups.growth"]?.map(\.text) == ["3 in the group news"])
        #expect(readings.values["groups.growth"] == 3 && readings.values["tasks.growth"] == 3)
    }

    @Test("of a server that nobody watched is unknown, not passed", arguments: Metric.all.filter(\.needsServer))
    func unwatched(_ metric: Metric) {
        #expect(Measurements(clients: ClientTally()).value(of: metric) == nil)
    }

    @Test("of latencies uses the corrected ones")
    func corrected() throws {
        var clients = ClientTally()
        clients.latency.record(done: .milliseconds(1), due: .milliseconds(400))
        let result = CheckResult(try check("latency.p99 < 50 ms"), phase: "p", on: Measurements(clients: clients))
        #expect(result.outcome == .failed)
    }

    @Test("of the exit is completed when the server has ended; one that was killed took for ever")
    func exit() throws {
        var outcome = ReplayOutcome(scenario: "x", seed: 1)
        let check = try check("exit.seconds <= 3 s")
        outcome.checks = [CheckResult(check, phase: "p", on: Measurements(clients: ClientTally()))]
        #expect(outcome.checks[0].outcome == .unknown)
        outcome.complete(exitSeconds: 0.2)
        #expect(outcome.checks[0].outcome == .held)
        outcome.complete(exitSeconds: .infinity)
        #expect(outcome.checks[0].outcome == .failed && outcome.checks[0].text.contains("never"))
    }

    @Test("says that populations stand still when counts do, whatever memory does")
    func still() throws {
        let one = Populations(try evidence(stuck: 1, open: 1, fds: 7))
        #expect(Populations(try evidence(stuck: 1, open: 1, fds: 7)).standsStill(since: one))
        #expect(!Populations(try evidence(stuck: 2, open: 0, fds: 7)).standsStill(since: one))
        #expect(!Populations(try evidence(stuck: 1, open: 1, fds: 8)).standsStill(since: one))
    }

    @Test("does not take two looks at one census for two counts, however often the process is sampled")
    func sameCensus() throws {
        var log = ObservationLog([
            .connections(ConnectionCensus(time: Moment(nanoseconds: 5), pid: 1, grade: .read, consumers: []))
        ])
        func sample(_ time: Int64) -> Observation {
            .process(
                ProcessSample(
                    time: Moment(nanoseconds: time), pid: 1, name: "x", cpu: .zero, age: .zero, residentBytes: 0))
        }
        log.append([sample(6)])
        let first = Populations(try Evidence(log)).time
        log.append([sample(9)])
        #expect(Populations(try Evidence(log)).time == first)
    }
}
