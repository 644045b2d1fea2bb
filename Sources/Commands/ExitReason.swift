public import Analysis

/// What the process's exit code says. Stable: scripts depend on it (docs/exit-codes.md).
public enum ExitReason: Int32, Sendable, CaseIterable {
    /// Nothing at or above `--fail-on`, or exactly what was expected.
    case clean = 0
    /// Findings at or above `--fail-on`.
    case findings = 1
    /// Regression against a baseline or budget, or an expired suppression.
    case regression = 2
    /// Too little was seen to say, or there is no baseline yet.
    case inconclusive = 3
    /// The command line was wrong (EX_USAGE).
    case usage = 64
    /// Input was read but its content is wrong (EX_DATAERR).
    case wrongContent = 65
    /// Input is missing or unreadable (EX_NOINPUT).
    case unreadable = 66
    /// The target is unreachable, gone before anything was seen, or the launched server failed (EX_UNAVAILABLE).
    case unavailable = 69
    /// A defect of loopscope (EX_SOFTWARE).
    case internalError = 70
    /// Not permitted; the remedy is printed (EX_NOPERM).
    case notPermitted = 77
    /// Interrupted, after the report of what was seen.
    case interrupted = 130

    /// The code of a verdict.
    public init(_ verdict: Verdict) {
        self =
            switch verdict {
            case .clean: .clean
            case .findings: .findings
            case .inconclusive: .inconclusive
            }
    }

    /// For a person.
    public var meaning: String {
        switch self {
        case .clean: "clean, or what was expected"
        case .findings: "findings at or above --fail-on (default: high)"
        case .regression:
            "regression against baseline or budget, a failed check of a scenario, or an expired suppression"
        case .inconclusive: "inconclusive: too little seen, or no baseline yet"
        case .usage: "wrong command line"
        case .wrongContent: "input with wrong content (scenario, budget, recording)"
        case .unreadable: "input missing or unreadable"
        case .unavailable: "target unreachable, gone before anything was seen, or the launched server failed"
        case .internalError: "internal error"
        case .notPermitted: "permission, with the remedy printed"
        case .interrupted: "interrupted, after the report of what was seen"
        }
    }
}

/// An error as a person needs it: what happened, why, what to do, and the exit code that goes with it.
public struct CommandError: Error, Sendable {
    /// What happened: `cannot attach to process 4711 (uvicorn): Operation not permitted`.
    public var what: String
    /// Why, if it is known.
    public var why: String?
    /// What to do: a command where there is one.
    public var remedy: String?
    /// The exit code.
    public var status: ExitReason

    /// An error.
    public init(_ what: String, why: String? = nil, do remedy: String? = nil, status: ExitReason) {
        self.what = what
        self.why = why
        self.remedy = remedy
        self.status = status
    }

    /// The lines that are printed on stderr.
    public var text: String {
        var text = "error: \(what)\n"
        if let why { text += "  why: \(why)\n" }
        if let remedy { text += "   do: \(remedy)\n" }
        return text
    }
}
