public import Analysis
public import Observations

/// What a detector says of a session.
public enum DetectorResult: Sendable {
    /// There was enough to judge, and nothing is wrong.
    case holds
    /// Something is wrong: one finding per cause.
    case found([Finding])
    /// Too little was seen to judge.
    case notEnoughEvidence(String)
}

/// What a person can ask about a finding: the text behind `loopscope explain`, and of the page in `docs/findings/`.
public struct DetectorCard: Sendable {
    /// The code: `LS001`.
    public var code: String
    /// The name.
    public var title: String
    /// How bad a finding of it is.
    public var severity: Severity
    /// The least grade of evidence it can judge on.
    public var minimumGrade: Grade
    /// What is wrong, and why it hurts.
    public var meaning: String
    /// How it is detected.
    public var detection: String
    /// What could make it wrong, and what is done about it.
    public var falsePositives: String
    /// What to change, by framework.
    public var fixes: [(framework: String, text: String)]
    /// How to see it on purpose.
    public var reproduce: String

    /// A card.
    public init(
        code: String, title: String, severity: Severity, minimumGrade: Grade, meaning: String, detection: String,
        falsePositives: String, fixes: [(framework: String, text: String)], reproduce: String
    ) {
        self.code = code
        self.title = title
        self.severity = severity
        self.minimumGrade = minimumGrade
        self.meaning = meaning
        self.detection = detection
        self.falsePositives = falsePositives
        self.fixes = fixes
        self.reproduce = reproduce
    }
}

/// Looks for one cause. A pure function of evidence, in one file.
public protocol Detector: Sendable {
    /// What it is about.
    var card: DetectorCard { get }
    /// Judges a session.
    func check(_ evidence: Evidence) -> DetectorResult
}

extension DetectorCard {
    /// A finding of this code, with its title and severity.
    func finding(
        severity: Severity? = nil, confidence: Confidence, grade: Grade, pid: Int32? = nil, consumer: String? = nil,
        count: Int, location: CodeLocation? = nil, evidence: [String], howSure: String, fix: String,
        check: String? = nil, focus: Int? = nil
    ) -> Finding {
        Finding(
            code: code, title: title, severity: severity ?? self.severity, confidence: confidence, grade: grade,
            pid: pid, consumer: consumer, count: count, location: location, evidence: evidence, howSure: howSure,
            fix: fix, check: check, focus: focus)
    }
}
