import Observations

extension ReportDocument {
    /// What observing cost, as a share of one core; `nil` when nothing was measured.
    public var observerPercent: Double? {
        guard duration > .zero, impact.observerCPU > .zero else { return nil }
        return impact.observerCPU.seconds / duration.seconds * 100
    }

    /// Share of the time that some thread of the process held the interpreter's lock; `nil` when it was not read.
    public func gilPercent(of pid: Int32) -> Double? {
        let known = profile.stacks.filter { $0.pid == pid && $0.holdsGIL != nil }
        guard !known.isEmpty, duration > .zero else { return nil }
        let held = known.filter { $0.holdsGIL == true }.reduce(Nanoseconds.zero) { $0 + $1.weight }
        return min(100, held.seconds / duration.seconds * 100)
    }
}

extension ReportDocument {
    /// What the report comes to: nothing found counts only when something could be checked.
    public func verdict(failOn threshold: Severity?) -> Verdict {
        Verdict(
            findings: findings, failOn: threshold, sawEnough: !checked.isEmpty && start != nil,
            whyNot: "no detector had enough evidence")
    }
}
