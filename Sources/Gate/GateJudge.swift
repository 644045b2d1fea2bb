public import Analysis
public import Scenarios

/// Judges a run by a budget and a baseline. A pure function.
public struct GateJudge: Sendable {
    /// The budget.
    public var budget: Budget
    /// The run of the code before; `nil` when there is none.
    public var baseline: Baseline?
    /// Today.
    public var today: CalendarDay

    /// A judge.
    public init(budget: Budget, baseline: Baseline?, today: CalendarDay) {
        (self.budget, self.baseline, self.today) = (budget, baseline, today)
    }

    /// Judges.
    ///
    /// - Parameters:
    ///   - fingerprint: of the run; it is held against the baseline's.
    ///   - isSettled: whether the server stood still at the end.
    ///   - checks: the scenario's own.
    public func judge(
        _ readings: Readings, findings: [Finding], fingerprint: Fingerprint, isSettled: Bool,
        checks: [CheckResult] = []
    ) -> GateVerdict {
        var verdict = GateVerdict(entries: [], findings: [], suppressed: [], expired: [], undecided: [], remarks: [])
        let usable = comparable(fingerprint, &verdict)
        let rules = budget.rules.map { entry($0, readings, usable) }
            .filter { $0.outcome != .unmeasured || budget.isWritten || !$0.mayBeAbsent }
        let own = checks.map(GateVerdict.Entry.init)
        verdict.entries = rules + own + comparisons(readings, usable, besides: Set(budget.rules.map(\.measured)))
        verdict.entries.sort { $0.outcome.rank < $1.outcome.rank }
        for index in verdict.entries.indices where verdict.entries[index].outcome == .failed {
            verdict.entries[index].suspects = readings.suspects[verdict.entries[index].metric] ?? []
        }
        for finding in findings {
            let cover = budget.suppressions.first { $0.covers(code: finding.code, consumer: finding.consumer) }
            if let cover, cover.until >= today {
                verdict.suppressed.append(.init(finding: finding, by: cover))
            } else {
                verdict.findings.append(finding)
            }
        }
        verdict.expired = budget.suppressions.filter { $0.until < today }
        verdict.undecided += own.filter { $0.outcome == .unmeasured }
            .map { "\($0.subject) could not be measured, and the scenario needs it" }
        let lost = rules.filter { $0.outcome == .unmeasured }
        if budget.isWritten {
            verdict.undecided += lost.map { "\($0.subject) could not be measured, and the budget needs it" }
        } else if !lost.isEmpty {
            verdict.remarks.append("could not be measured: \(lost.map(\.subject).joined(separator: ", "))")
        }
        if !isSettled, verdict.hasFailedCounts {
            // Not yet a leak: it may still be on its way out.
            verdict.undecided.append(
                "the server did not stand still: a longer `settle` in the last phase would decide it")
            for index in verdict.entries.indices
            where verdict.entries[index].outcome == .failed && verdict.entries[index].unit == .count {
                verdict.entries[index].outcome = .unmeasured
            }
        }
        return verdict
    }

    /// The counts that are higher than the budget or the baseline allows, by subject: what is looked at again before it
    /// is called a leak. Whether the baseline is of the same thing is not asked here: a look too many does no harm.
    public func tooHigh(_ readings: Readings) -> [String] {
        let rules = budget.rules.map { entry($0, readings, baseline) }
        return (rules + comparisons(readings, baseline, besides: Set(budget.rules.map(\.measured))))
            .filter { $0.outcome == .failed && $0.unit == .count }.map(\.subject)
    }

    /// The baseline, where counts may be held against it.
    private func comparable(_ fingerprint: Fingerprint, _ verdict: inout GateVerdict) -> Baseline? {
        guard let baseline else {
            if budget.rules.contains(where: \.needsBaseline) {
                verdict.undecided.append(
                    "the budget has a `regression`, and there is no baseline: write one with --update-baseline")
            }
            return nil
        }
        let conflicts = fingerprint.conflicts(with: baseline.fingerprint)
        guard conflicts.isEmpty else {
            verdict.undecided.append(
                "the baseline is of something else (\(conflicts.joined(separator: "; "))): refresh it with --update-baseline"
            )
            return nil
        }
        let drifts = fingerprint.drifts(from: baseline.fingerprint)
        if !drifts.isEmpty {
            verdict.remarks.append(
                "the machine differs from the baseline's (\(drifts.joined(separator: "; "))): counts do not mind")
        }
        return baseline
    }

    private func entry(_ rule: Budget.Rule, _ readings: Readings, _ baseline: Baseline?) -> GateVerdict.Entry {
        let value = readings.value(of: rule)
        let before = baseline.flatMap { $0.readings.value(of: rule) }
        var entry = GateVerdict.Entry(
            subject: rule.subject, unit: rule.metric.unit, value: value, baseline: before,
            demand: rule.limits.map { $0.words(rule.metric.unit) }.joined(separator: ", "), outcome: .passed)
        guard let value else {
            entry.outcome = .unmeasured
            return entry
        }
        for limit in rule.limits where !limit.allows(value, before) { entry.outcome = .failed }
        return entry
    }

    /// Counts that no rule speaks of must not rise above the baseline's; times are shown beside it.
    private func comparisons(
        _ readings: Readings, _ baseline: Baseline?, besides ruled: Set<String>
    ) -> [GateVerdict.Entry] {
        guard let baseline else { return [] }
        let before = baseline.readings.values
        return readings.values.sorted { $0.key < $1.key }.compactMap { subject, value in
            guard !ruled.contains(subject), let metric = Metric.named(subject.prefix { $0 != "{" }) else { return nil }
            let old = before[subject]
            guard Baseline.isCount(subject) else {
                return GateVerdict.Entry(
                    subject: subject, unit: metric.unit, value: value, baseline: old, demand: "", outcome: .informs)
            }
            // A class that is new has nothing to be held against.
            guard let old, metric.name != "findings" else { return nil }
            return GateVerdict.Entry(
                subject: subject, unit: metric.unit, value: value, baseline: old, demand: "no more than before",
                outcome: value > old ? .failed : .passed)
        }
    }
}

extension GateVerdict.Entry {
    /// A check of the scenario.
    fileprivate init(_ check: CheckResult) {
        let name = check.check.metric.name + (check.check.consumer.map { "{\($0)}" } ?? "")
        self.init(
            subject: "\(name) after \(check.phase)", unit: check.check.metric.unit, value: check.value, baseline: nil,
            demand: "\(check.check.comparison.rawValue) \(check.check.metric.unit.words(check.check.bound))",
            outcome: [.held: .passed, .failed: .failed, .unknown: .unmeasured][check.outcome] ?? .unmeasured)
    }

    /// The name of its metric.
    var metric: String { String(subject.prefix { $0 != "{" && $0 != " " }) }
    /// Whether a healthy server may have nothing to measure there.
    fileprivate var mayBeAbsent: Bool { Metric.named(metric)?.mayBeAbsent ?? false }
}

extension GateVerdict.Entry.Outcome {
    fileprivate var rank: Int {
        switch self {
        case .failed: 0
        case .unmeasured: 1
        case .passed: 2
        case .informs: 3
        }
    }
}

extension Baseline {
    /// Its values as readings. That something became less then is no reason why it must become less again.
    var readings: Readings {
        let floored = counts.reduce(into: [String: Double]()) { values, count in
            values[count.key] = count.key.contains(".growth") ? max(0, count.value) : count.value
        }
        return Readings(
            values: floored.merging(times) { one, _ in one }, connections: connections, warmedUp: warmedUp ?? 0)
    }
}

extension Budget.Rule.Limit {
    /// Whether a value is within it; without a baseline a regression is not judged.
    public func allows(_ value: Double, _ baseline: Double? = nil) -> Bool {
        switch self {
        case .max(let bound): value <= bound
        case .min(let bound): value >= bound
        case .equal(let bound): value == bound
        case .regression(let percent): baseline.map { value <= $0 + abs($0) * percent / 100 } ?? true
        }
    }

    /// `at most 0`.
    func words(_ unit: Metric.Unit) -> String {
        switch self {
        case .max(let bound): "at most \(unit.words(bound))"
        case .min(let bound): "at least \(unit.words(bound))"
        case .equal(let bound): "exactly \(unit.words(bound))"
        case .regression(let percent):
            percent == 0 ? "no more than before" : "at most \(Metric.Unit.percent.words(percent)) more than before"
        }
    }
}
