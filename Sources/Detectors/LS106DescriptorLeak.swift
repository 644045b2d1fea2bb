public import Analysis
import Observations

/// LS106: descriptors stay open after the connections they were opened for.
public struct DescriptorLeak: Detector {
    /// How many more must have come, or be alike, to be worth a finding.
    static let least = 5
    /// For how long growth must be watched.
    static let patience = Nanoseconds.seconds(4)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS106", title: "descriptor leak", severity: .high, minimumGrade: .sampled,
            meaning: """
                Something opens a file, a pipe or a socket for a connection and does not close it. Nothing is slow, until \
                the limit of descriptors is reached: then nobody can connect, and nothing can be opened, all at once.
                """,
            detection: """
                From /proc, never from memory: descriptors of one kind (not sockets that are connected) that only became \
                more while observed, by 5 or more, while the connections did not; sockets that the peer has closed and \
                the process has not (CLOSE_WAIT), 5 or more for 4 s; or one file that is open more often than the process \
                has threads, by 5. Which code opened them is inferred from what the consumers' methods name.
                """,
            falsePositives: """
                Pools grow and stay: connected sockets are never accused, a Redis pool's among them. One database file per \
                thread is honest, so threads are subtracted. From outside, what was open before observing began is not \
                known: at one instant the same file open many times is a hint, growth while connections come and go is \
                what confirms it.
                """,
            fixes: [
                ("Django Channels", "close in disconnect() what connect() opened"),
                ("any", "`async with` or `try … finally` around what is opened"),
            ],
            reproduce: "fixtures/servers: /ws/fd-leak")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.descriptors.isEmpty else {
            return .notEnoughEvidence("the descriptors of the process could not be listed")
        }
        let found = evidence.descriptors.compactMap { finding($0, evidence) }
        guard found.isEmpty else { return .found(found) }
        guard evidence.descriptors.contains(where: { $0.length >= Self.patience }) else {
            return .notEnoughEvidence(
                "descriptors must be watched for \(Self.patience.seconds.spokenSeconds) to see them grow: observe longer"
            )
        }
        return .holds
    }

    private struct Leak {
        var kind: String
        var count: Int
        var line: String
        var confidence: Confidence
    }

    private func leak(_ use: DescriptorUse) -> Leak? {
        if use.length >= Self.patience, use.closeWait >= Self.least {
            return Leak(
                kind: "socket", count: use.closeWait,
                line:
                    "\(use.closeWait.counted("socket")) that the peer has closed and the process has not (CLOSE_WAIT)",
                confidence: .strong)
        }
        let connected = { (sample: ProcessSample) in sample.sockets["ESTABLISHED"] ?? 0 }
        let isQuiet = connected(use.last) <= connected(use.first)
        let growing = use.growth.filter { $0.value >= Self.least }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }
        if use.length >= Self.patience, isQuiet, let growing {
            return Leak(
                kind: growing.key, count: growing.value,
                line: "\(growing.value.spaced) more open on \(growing.key) than when observing began, and never fewer",
                confidence: .strong)
        }
        // A database's file is open once per thread; a device is nobody's database.
        let alike = use.last.descriptorKinds.filter { kind, count in
            let spare = kind.hasPrefix("/dev/") ? 0 : use.last.threads.count
            return kind.hasPrefix("/") && count >= spare + Self.least
        }.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let alike else { return nil }
        return Leak(
            kind: alike.key, count: alike.value,
            line: "\(alike.key) is open \(alike.value.spaced) times, in \(use.last.threads.count.counted("thread"))",
            confidence: .hint)
    }

    private func finding(_ use: DescriptorUse, _ evidence: Evidence) -> Finding? {
        guard let leak = leak(use) else { return nil }
        var lines = [leak.line]
        if let all = use.last.descriptors, let limit = use.last.descriptorLimit {
            lines.append("\(all.spaced) of \(limit.spaced) descriptors in use")
        }
        let suspects = evidence.code.users(of: Self.openers, without: [])
            .filter { method in !closes(method, evidence) }
        let suspect = Set(suspects.map(\.location)).count == 1 ? suspects.first : nil
        if suspect == nil, !suspects.isEmpty {
            let named = suspects.prefix(3).map(\.location.sentence).joined(separator: ", ")
            lines.append("methods that open something and see nothing closed: \(named)")
        }
        return card.finding(
            severity: leak.confidence == .hint ? .medium : .high, confidence: leak.confidence, grade: .sampled,
            pid: use.pid, consumer: suspect?.consumer, count: leak.count, location: suspect?.location, evidence: lines,
            howSure: leak.confidence == .hint
                ? "seen at one instant: how many were open before is not known; watch it while connections come and go"
                : "watched for \(use.length.seconds.spokenSeconds)",
            fix: suspect.map {
                "probably \($0.location.function) opens it: close it in \(Places.shortName($0.consumer)).disconnect"
            }
                ?? "find what opens \(leak.kind) for each connection, and close it when the connection ends",
            check: "ls -l /proc/\(use.pid)/fd")
    }

    /// Whether what ends the connection closes something, other than the connection: `self.close()` is in most classes.
    private func closes(_ method: ConsumerMethod, _ evidence: Evidence) -> Bool {
        ["disconnect", "websocket_disconnect"].contains { name in
            let ending = evidence.code.method(name, of: method.consumer)
            return ending?.uses.contains { ["close", "aclose", "terminate", "__exit__"].contains($0) } ?? false
        }
    }

    private static let openers: Set<String> = [
        "open", "socket", "socketpair", "create_connection", "open_connection", "mkstemp", "TemporaryFile",
        "NamedTemporaryFile", "Popen", "popen", "create_subprocess_exec", "create_subprocess_shell", "pipe", "dup",
    ]
}
