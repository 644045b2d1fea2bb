public import Observations

/// How bad a finding is. Ordered: worse is greater.
public enum Severity: String, Codable, Hashable, Sendable, CaseIterable, Comparable {
    /// Worth knowing.
    case low
    /// Costs something now, or will.
    case medium
    /// Users notice, or a deploy hangs.
    case high
    /// The server is sick now.
    case critical

    /// `low < medium < high < critical`.
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

    private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }
}

/// How sure a finding is, and what a person may conclude from it.
public enum Confidence: String, Codable, Hashable, Sendable, CaseIterable {
    /// What was seen cannot be seen on a healthy server.
    case proof
    /// Two or more signals agree; another cause is unlikely.
    case strong
    /// One signal: worth a look.
    case hint
}

/// A verdict on one cause: what is wrong, where, how it is known, and what to do.
public struct Finding: Hashable, Sendable {
    /// The code: `LS001`.
    public var code: String
    /// The name of what is wrong: `swallowed stop (hot)`.
    public var title: String
    /// How bad.
    public var severity: Severity
    /// How sure.
    public var confidence: Confidence
    /// How the decisive numbers were obtained.
    public var grade: Grade
    /// The process it was found in; `nil` when several.
    public var pid: Int32?
    /// The consumer class to blame, if one is.
    public var consumer: String?
    /// How many instances (consumers, loops, tasks, descriptors) are affected.
    public var count: Int
    /// The code to blame.
    public var location: CodeLocation?
    /// What was seen, most telling first; plain sentences without a full stop.
    public var evidence: [String]
    /// How sure, in plain words: `seen in 3 of 3 samples; their sockets closed 14 min ago`.
    public var howSure: String
    /// What to change.
    public var fix: String
    /// How a person can check it without loopscope.
    public var check: String?
    /// Connections it is about, at most `connectionLimit`.
    public var connections: [Connection] = []

    /// Most connections that a finding names.
    public static let connectionLimit = 32

    /// A connection that a finding is about: enough to look for it in the server's log and in its channel layer.
    public struct Connection: Hashable, Sendable {
        /// The process.
        public var pid: Int32
        /// The path, without its query string.
        public var path: String?
        /// Its channel in the layer.
        public var channel: String?

        /// A connection.
        public init(pid: Int32, path: String?, channel: String?) {
            self.pid = pid
            self.path = path
            self.channel = channel
        }
    }

    /// The line of the location's file that shows it best: the handler, the call. `nil` for the declaration.
    public var focus: Int?
    /// The lines around it, when they could be read while the file was what the target runs.
    public var source: SourceExcerpt?

    /// The line to show of the location's file.
    public var shownLine: Int? { focus ?? location?.handlerLine ?? location?.line }

    /// A finding.
    public init(
        code: String, title: String, severity: Severity, confidence: Confidence, grade: Grade, pid: Int32? = nil,
        consumer: String? = nil, count: Int, location: CodeLocation? = nil, evidence: [String], howSure: String,
        fix: String, check: String? = nil, focus: Int? = nil, source: SourceExcerpt? = nil
    ) {
        self.code = code
        self.title = title
        self.severity = severity
        self.confidence = confidence
        self.grade = grade
        self.pid = pid
        self.consumer = consumer
        self.count = count
        self.location = location
        self.evidence = evidence
        self.howSure = howSure
        self.fix = fix
        self.check = check
        self.focus = focus
        self.source = source
    }

    /// Worst first; then by code, class and place, so that a report does not depend on the order of reading.
    public static func worstFirst(_ findings: [Finding]) -> [Finding] {
        findings.sorted { left, right in
            if left.severity != right.severity { return left.severity > right.severity }
            if left.count != right.count { return left.count > right.count }
            return (left.code, left.consumer ?? "", left.location?.file ?? "")
                < (right.code, right.consumer ?? "", right.location?.file ?? "")
        }
    }
}
