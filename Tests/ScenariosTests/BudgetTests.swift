import Scenarios
import Testing

@Suite("A budget")
struct BudgetTests {
    @Test("is read whole: rules, limits, suppressions")
    func whole() throws {
        let budget = try Budget(
            yaml: """
                rules:
                  - {metric: tasks.growth, per: connection, max: 0}
                  - {metric: consumers.alive, consumer: chat.Chat, min: 1, max: 3}
                  - {metric: latency.p99, max: 50 ms, regression: 5 %}
                suppress:
                  - {finding: LS101, consumer: chat.Ticker, reason: "ticket 12", until: 2027-01-31}
                """)
        #expect(
            budget.rules.map(\.subject) == ["tasks.growth per connection", "consumers.alive{chat.Chat}", "latency.p99"])
        #expect(budget.rules[1].limits == [.max(3), .min(1)])
        #expect(budget.rules[2].limits == [.max(0.05), .regression(percent: 5)] && budget.rules[2].needsBaseline)
        #expect(budget.suppressions[0].covers(code: "LS101", consumer: "chat.Ticker"))
        #expect(!budget.suppressions[0].covers(code: "LS101", consumer: "chat.Other"))
        #expect(budget.suppressions[0].line == 6)
    }

    @Test("of suppressions alone keeps the rules of those who wrote none")
    func defaults() throws {
        let budget = try Budget(yaml: "suppress: [{finding: LS101, reason: r, until: 2027-01-31}]")
        #expect(budget.rules == Budget.nothingStays.rules && !budget.isWritten && budget.rules.count == 10)
    }

    @Test(
        "refuses rules that are unknown, empty, contradictory or double",
        arguments: [
            ("rules: [{metric: task.growth, max: 0}]", "no metric"),
            ("rules: [{metric: tasks.growth}]", "limits nothing"),
            ("rules: [{metric: tasks.growth, min: 2, max: 1}]", "nothing can be both"),
            ("rules: [{metric: tasks.growth, equal: 2, max: 1}]", "says all"),
            ("rules: [{metric: tasks.growth, max: 1}, {metric: tasks.growth, min: 0}]", "two rules"),
            ("rules: [{metric: cpu.percent, consumer: a.B, max: 1}]", "not known by consumer"),
            ("rules: [{metric: tasks.growth, regression: much}]", "percent over"),
            ("rules: [{metric: latency.p99, max: 3}]", "no value of"),
            ("rules: [{metric: tasks.growth, per: request, max: 0}]", "cannot be `request`"),
            ("suppress: [{finding: LS101, until: 2027-01-31}]", "no `reason`"),
            ("suppress: [{finding: LS101, reason: \" \", until: 2027-01-31}]", "needs a reason"),
            ("suppress: [{finding: LS101, reason: r}]", "no `until`"),
            ("suppress: [{finding: LS101, reason: r, until: 2027-02-30}]", "must be a day"),
            ("suppress: [{finding: 101, reason: r, until: 2027-02-20}]", "code of a finding"), ("", "empty"),
        ])
    func refuses(_ yaml: String, _ says: String) {
        let error = #expect(throws: ScenarioError.self) { try Budget(yaml: yaml) }
        #expect(error?.what.contains(says) == true, "\(String(describing: error))")
    }
}

@Suite("A day")
struct CalendarDayTests {
    @Test(
        "follows from seconds, and orders",
        arguments: [
            (0.0, "1970-01-01"), (951_782_399, "2000-02-28"), (951_782_400, "2000-02-29"),
            (1_795_996_800, "2026-11-30"), (4_107_542_400, "2100-03-01"),
        ])
    func seconds(_ seconds: Double, _ text: String) throws {
        #expect(CalendarDay(secondsSince1970: seconds).description == text)
        #expect(CalendarDay(text) == CalendarDay(secondsSince1970: seconds))
    }

    @Test(
        "that does not exist is none",
        arguments: ["2027-02-29", "2026-13-01", "2026-1-1", "2026-00-10", "x", "1969-01-01", "2026-11-31"])
    func none(_ text: String) { #expect(CalendarDay(text) == nil) }
}
