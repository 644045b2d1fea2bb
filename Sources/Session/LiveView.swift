public import Analysis
import Detectors
public import Observations

extension LiveSession {
    /// The report as it stands: findings, consumers and tasks of all that was seen, loops, CPU and functions of the last
    /// `span` only, so that a live view shows what is and not what was on average.
    public func report(last span: Nanoseconds) throws -> ReportDocument {
        let log = live.snapshot
        let whole = try Evidence(log)
        let since = Moment(nanoseconds: whole.now.nanoseconds) + (Nanoseconds.zero - span)
        let recent = log.observations.filter { observation in
            switch observation {
            case .stack, .loop, .process: observation.time.map { $0 >= since } ?? true
            default: false
            }
        }
        var evidence = whole
        let windows = ObservationLog(recent)
        evidence.loops = LoopSummary.summaries(of: windows.loops())
        evidence.processes = ProcessSummary.summaries(of: windows.processes())
        evidence.profile = Profile(windows.stacks())
        var report = ReportDocument(evidence: evidence, judgement: Catalogue.judge(whole))
        report.duration = whole.duration
        return report
    }
}
