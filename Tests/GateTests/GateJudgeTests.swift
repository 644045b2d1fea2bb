import Analysis
import Foundation
import Gate
import Observations
import Scenarios
import Testing

/// A verdict out of numbers: what the gate's tests and its outputs' tests share.
enum Example {
    static let fingerprint = Fingerprint(
        tool: "0.1.0", scenario: "00c0ffee00c0ffee", mode: "cpython", server: "uvicorn 0.38.0, CPython 3.13.5",
        grade: "read",
        kernel: "6.1", cores: 2)

    static let clean = Readings(
        values: [
            "consumers.stuck": 0, "tasks.leaked": 0, "tasks.growth": 0, "fds.growth": 0, "threads.growth": 0,
            "loops.growth": 0, "groups.leaked": 0, "clients.failed": 0, "latency.p99": 0.004, "cpu.percent": 1,
            "consumers.alive": 2, "consumers.alive{chat.Chat}": 2,
        ], connections: 10)

    static func finding(_ code: String = "LS101", consumer: String = "chat.Ticker", severity: Severity = .high)
        -> Finding
    {
        Finding(
            code: code, title: "task outlives its connection", severity: severity, confidence: .proof, grade: .read,
            pid: 7, consumer: consumer, count: 10,
            location: CodeLocation(function: "Ticker.tick", file: "/srv/app/chat/a <b>.py", line: 16),
            evidence: ["10 tasks"], howSure: "seen in 3 of 3 censuses", fix: "cancel it in `disconnect`")
    }

    static func with(_ subject: String, _ value: Double?) -> Readings {
        var readings = clean
        readings.values[subject] = value
        return readings
    }

    static func judge(
        _ readings: Readings = clean, budget: Budget = .nothingStays, baseline: Baseline? = nil,
        findings: [Finding] = [], fingerprint: Fingerprint = fingerprint, isSettled: Bool = true,
        today: String = "2026-11-30"
    ) throws -> GateVerdict {
        let today = try #require(CalendarDay(today))
        return GateJudge(budget: budget, baseline: baseline, today: today)
            .judge(readings, findings: findings, fingerprint: fingerprint, isSettled: isSettled)
    }

    static func baseline(_ readings: Readings = clean, _ fingerprint: Fingerprint = fingerprint) -> Baseline {
        Baseline(readings, fingerprint: fingerprint, findings: [], clients: ClientTally())
    }
}

@Suite("The gate")
struct GateJudgeTests {
    @Test("passes when nothing stays behind")
    func clean() throws { #expect(try Example.judge().status(failOn: .high) == .passed) }

    @Test(
        "fails when one of anything stays behind, and names it",
        arguments: [
            "consumers.stuck", "tasks.leaked", "tasks.growth", "fds.growth", "threads.growth", "loops.growth",
            "groups.leaked", "clients.failed",
        ])
    func one(_ subject: String) throws {
        let verdict = try Example.judge(Example.with(subject, 1))
        #expect(verdict.status(failOn: .high) == .regression)
        #expect(verdict.entries.first?.subject == subject && verdict.entries.first?.outcome == .failed)
    }

    @Test("bears one event loop a request and one disconnect an instance, and no more", arguments: [1.0, 1.25, 2])
    func extra(_ value: Double) throws {
        for subject in ["loops.per_request", "disconnects.per_instance"] {
            let verdict = try Example.judge(Example.with(subject, value))
            #expect(verdict.status(failOn: .high) == (value > 1 ? .regression : .passed))
        }
    }

    @Test("does not miss what a healthy server may not have, unless a budget asks for it")
    func absent() throws {
        let verdict = try Example.judge()
        #expect(!verdict.entries.contains { $0.subject == "loops.per_request" } && verdict.remarks.isEmpty)
        let budget = try Budget(yaml: "rules: [{metric: loops.per_request, max: 1}]")
        #expect(try Example.judge(budget: budget).status(failOn: .high) == .inconclusive)
    }

    @Test("names what there is more of under the count that failed, and nowhere else")
    func suspects() throws {
        var readings = Example.with("tasks.growth", 3)
        let place = CodeLocation(function: "Ticker.tick", file: "chat/ticker.py", line: 16)
        readings.suspects = [
            "tasks.growth": [Suspect("3 × Ticker.tick", location: place)], "fds.growth": [Suspect("x")],
        ]
        let verdict = try Example.judge(readings)
        #expect(verdict.entries.flatMap(\.suspects).map(\.sentence) == ["3 × Ticker.tick (chat/ticker.py:16)"])
    }

    @Test("looks again at counts above the budget or the baseline, not at times")
    func tooHigh() throws {
        let judge = GateJudge(
            budget: .nothingStays, baseline: Example.baseline(), today: try #require(CalendarDay("2026-11-30")))
        #expect(judge.tooHigh(Example.clean).isEmpty && judge.tooHigh(Example.with("latency.p99", 9)).isEmpty)
        #expect(judge.tooHigh(Example.with("consumers.alive", 3)) == ["consumers.alive"])
        #expect(judge.tooHigh(Example.with("fds.growth", 3)) == ["fds.growth"])
    }

    @Test("does not call a leak what had no time to go: a server that does not stand still is undecided")
    func unsettled() throws {
        let verdict = try Example.judge(Example.with("tasks.growth", 3), isSettled: false)
        #expect(verdict.status(failOn: .high) == .inconclusive)
        #expect(verdict.undecided.first?.contains("settle") == true)
        #expect(try Example.judge(isSettled: false).status(failOn: .high) == .passed)
    }

    @Test("goes on without what could not be measured, and is undecided where a budget needs it")
    func unmeasured() throws {
        let lost = Example.with("fds.growth", nil)
        let verdict = try Example.judge(lost)
        #expect(verdict.status(failOn: .high) == .passed && verdict.remarks.first?.contains("fds.growth") == true)
        let budget = try Budget(yaml: "rules: [{metric: fds.growth, max: 0}]")
        #expect(try Example.judge(lost, budget: budget).status(failOn: .high) == .inconclusive)
    }

    @Test("holds counts against the baseline where no rule speaks of them, and shows times")
    func baseline() throws {
        let baseline = Example.baseline()
        #expect(try Example.judge(baseline: baseline).status(failOn: .high) == .passed)
        let more = try Example.judge(Example.with("consumers.alive", 3), baseline: baseline)
        #expect(more.status(failOn: .high) == .regression && more.entries.first?.baseline == 2)
        let slow = try Example.judge(Example.with("latency.p99", 4), baseline: baseline)
        #expect(slow.status(failOn: .high) == .passed)
        #expect(slow.entries.first { $0.subject == "latency.p99" }?.outcome == .informs)
        // A class that did not exist before is held against nothing.
        let new = try Example.judge(Example.with("consumers.alive{chat.New}", 1), baseline: baseline)
        #expect(new.status(failOn: .high) == .passed)
    }

    @Test("does not demand that what became less once becomes less again")
    func shrunk() throws {
        let baseline = Example.baseline(Example.with("tasks.growth", -4))
        #expect(try Example.judge(baseline: baseline).status(failOn: .high) == .passed)
        let budget = try Budget(yaml: "rules: [{metric: tasks.growth, regression: 0 %}]")
        #expect(try Example.judge(budget: budget, baseline: baseline).status(failOn: .high) == .passed)
        let more = try Example.judge(Example.with("tasks.growth", 1), budget: budget, baseline: baseline)
        #expect(more.status(failOn: .high) == .regression)
    }

    @Test(
        "refuses a baseline of something else, and says how to refresh it",
        arguments: ["scenario", "mode", "server", "grade"])
    func conflicts(_ field: String) throws {
        var other = Example.fingerprint
        switch field {
        case "scenario": other.scenario = "ff"
        case "mode": other.mode = "embedded"
        case "server": other.server = "uvicorn 0.54.0, CPython 3.13.5"
        default: other.grade = "exact"
        }
        let verdict = try Example.judge(
            Example.with("consumers.alive", 3), baseline: Example.baseline(Example.clean, other))
        #expect(verdict.status(failOn: .high) == .inconclusive)
        #expect(
            verdict.undecided.first?.contains("--update-baseline") == true
                && verdict.undecided.first?.contains(field) == true)
    }

    @Test("compares counts across machines, and says that times are of another one")
    func machine() throws {
        var other = Example.fingerprint
        (other.kernel, other.cores) = ("5.10", 64)
        let verdict = try Example.judge(baseline: Example.baseline(Example.clean, other))
        #expect(verdict.status(failOn: .high) == .passed && verdict.remarks.first?.contains("cores") == true)
    }

    @Test("judges per connection, by class, and as a regression")
    func rules() throws {
        let budget = try Budget(
            yaml: """
                rules:
                  - {metric: tasks.growth, per: connection, max: 0.5}
                  - {metric: consumers.alive, consumer: chat.Chat, equal: 2}
                  - {metric: latency.p99, regression: 10 %}
                """)
        let baseline = Example.baseline()
        var readings = Example.with("tasks.growth", 5)
        #expect(try Example.judge(readings, budget: budget, baseline: baseline).status(failOn: .high) == .passed)
        // What is alive may be left of the rounds before, what has grown may not.
        let alive = try Budget(yaml: "rules: [{metric: consumers.stuck, per: connection, max: 0.5}]")
        var both = Example.with("consumers.stuck", 10)
        #expect(try Example.judge(both, budget: alive).status(failOn: .high) == .regression)
        both.warmedUp = 10
        #expect(try Example.judge(both, budget: alive).status(failOn: .high) == .passed)
        readings.values["tasks.growth"] = 6
        #expect(try Example.judge(readings, budget: budget, baseline: baseline).status(failOn: .high) == .regression)
        let slow = try Example.judge(Example.with("latency.p99", 0.0045), budget: budget, baseline: baseline)
        #expect(slow.entries.first?.subject == "latency.p99" && slow.status(failOn: .high) == .regression)
        let alone = try Example.judge(budget: budget)
        #expect(alone.status(failOn: .high) == .inconclusive && alone.undecided.first?.contains("no baseline") == true)
    }

    @Test("does not pass a rule for a class that nobody has seen: it may be misspelt")
    func misspelt() throws {
        let budget = try Budget(yaml: "rules: [{metric: consumers.alive, consumer: chat.Nobody, equal: 0}]")
        #expect(try Example.judge(budget: budget).status(failOn: .high) == .inconclusive)
    }

    @Test("bears a finding that is suppressed, until the day after, and then fails twice over")
    func suppressions() throws {
        let budget = try Budget(
            yaml: "suppress: [{finding: LS101, consumer: chat.Ticker, reason: ticket 12, until: 2026-11-30}]")
        let borne = try Example.judge(budget: budget, findings: [Example.finding()])
        #expect(borne.status(failOn: .high) == .passed && borne.suppressed.count == 1)
        let other = try Example.judge(budget: budget, findings: [Example.finding(consumer: "chat.Other")])
        #expect(other.status(failOn: .high) == .findings)
        let late = try Example.judge(budget: budget, findings: [Example.finding()], today: "2026-12-01")
        #expect(late.status(failOn: .high) == .findings && late.expired.count == 1)
        // Even when the finding is gone: a list of excuses that nobody tends is one nobody reads.
        let forgotten = try Example.judge(budget: budget, today: "2026-12-01")
        #expect(forgotten.status(failOn: .high) == .regression)
    }

    @Test("fails on findings from the severity that was asked for")
    func severities() throws {
        let verdict = try Example.judge(findings: [Example.finding(severity: .medium)])
        #expect(verdict.status(failOn: .high) == .passed && verdict.status(failOn: .medium) == .findings)
        #expect(verdict.status(failOn: nil) == .passed)
    }

    @Test("writes a baseline that it can read, and refuses files that are none")
    func file() throws {
        var clients = ClientTally()
        clients.latency.record(done: .milliseconds(3), due: .milliseconds(3))
        let baseline = Baseline(
            Example.clean, fingerprint: Example.fingerprint, findings: ["LS101 chat.Ticker"], clients: clients)
        let data = try baseline.file()
        #expect(try Baseline(file: data) == baseline)
        #expect(baseline.counts["tasks.growth"] == 0 && baseline.counts["latency.p99"] == nil)
        #expect(baseline.times["latency.p99"] == 0.004 && baseline.distributions["latency"]?.count == 1)
        #expect(try #require(String(data: data, encoding: .utf8)).hasPrefix("{\n"))
        for length in stride(from: 0, to: data.count - 3, by: 7) {
            #expect(throws: (any Error).self) { try Baseline(file: data.prefix(length)) }
        }
        let foreign = try #require(String(data: data, encoding: .utf8)).replacing("baseline/1", with: "baseline/9")
        #expect(throws: (any Error).self) { try Baseline(file: Data(foreign.utf8)) }
    }
}
