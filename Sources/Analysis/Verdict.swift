/// What a session comes to, before it is turned into an exit code.
public enum Verdict: Hashable, Sendable {
    /// Nothing at or above the severity asked for.
    case clean
    /// At least one finding at or above it.
    case findings(worst: Severity)
    /// Too little was seen to say.
    case inconclusive(why: String)

    /// Judges findings against the least severity that fails; `nil` never fails.
    ///
    /// A finding counts even when little was seen; that nothing was found counts only when something was.
    public init(findings: [Finding], failOn threshold: Severity?, sawEnough: Bool, whyNot: String = "") {
        let worst = findings.map(\.severity).max()
        if let threshold, let worst, worst >= threshold {
            self = .findings(worst: worst)
        } else if !sawEnough {
            self = .inconclusive(why: whyNot)
        } else {
            self = .clean
        }
    }
}
