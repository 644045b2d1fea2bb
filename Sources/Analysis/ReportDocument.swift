public import Observations

/// Everything a report says, before it has a form: text, HTML and JSON are renderings of this one value.
public struct ReportDocument: Sendable {
    /// What was observed.
    public var start: SessionStart?
    /// Why observing ended; `nil` while it goes on.
    public var end: SessionEnd?
    /// How long.
    public var duration: Nanoseconds
    /// Worst first.
    public var findings: [Finding]
    /// Codes of the detectors that had enough evidence to say something.
    public var checked: [String]
    /// Codes of those that had not, and why.
    public var notChecked: [(code: String, why: String)]
    /// Accounts per consumer class.
    public var ledger: Ledger
    /// Accounts per phase of the scenario, when there were any.
    public var phases: [(name: String, ledger: Ledger)]
    /// Loops, busiest first.
    public var loops: [LoopSummary]
    /// Processes, busiest first.
    public var processes: [ProcessSummary]
    /// Event loops made for single calls, by process.
    public var bridges: [BridgeLoad]
    /// Tasks alive at the end.
    public var tasks: [TaskCensus]
    /// Where the time went.
    public var profile: Profile
    /// The hottest application code of each loop, consumer and task, when no detector explains a busy loop.
    public var hottest: [HotSpot]
    /// CPU and connections over time.
    public var timeline: [TimelinePoint]
    /// Quality of the samples.
    public var quality: SampleQuality
    /// What was done to the target.
    public var impact: Impact
    /// What the probe wants known.
    public var notes: [String]

    /// A report of `evidence` as judged.
    public init(
        evidence: Evidence, judgement: Judgement, phases: [(name: String, ledger: Ledger)] = [],
        timeline: [TimelinePoint] = []
    ) {
        start = evidence.start
        end = evidence.end
        duration = evidence.duration
        findings = judgement.findings
        checked = judgement.checked
        notChecked = judgement.notChecked
        ledger = evidence.ledger
        self.phases = phases
        loops = evidence.loops
        processes = evidence.processes
        bridges = evidence.bridges
        tasks = evidence.tasks
        profile = evidence.profile
        hottest = judgement.findings.isEmpty ? HotSpot.find(in: evidence) : []
        self.timeline = timeline
        quality = evidence.quality
        impact = evidence.impact
        notes = evidence.notes.map(\.text)
    }

    /// Draws up the whole report of a recorded session.
    public init(_ source: some ObservationSource, judge: (Evidence) -> Judgement) throws {
        let evidence = try Evidence(source)
        let names = try source.phases().map(\.name)
        self.init(
            evidence: evidence, judgement: judge(evidence),
            phases: try names.map { ($0, try Ledger(source, phase: $0)) },
            timeline: TimelinePoint.timeline(
                of: try source.loops(), processes: try source.processes(),
                events: try source.connections(), from: evidence.start?.time))
    }
}

/// What the detectors came to.
public struct Judgement: Sendable {
    /// Worst first, one per cause.
    public var findings: [Finding]
    /// Codes with enough evidence.
    public var checked: [String]
    /// Codes without, and why.
    public var notChecked: [(code: String, why: String)]

    /// A judgement.
    public init(findings: [Finding], checked: [String], notChecked: [(code: String, why: String)]) {
        self.findings = findings
        self.checked = checked
        self.notChecked = notChecked
    }
}
