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
