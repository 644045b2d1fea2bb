public import Analysis
import Observations

/// LS004: an override of `websocket_disconnect` neither calls its base nor raises `StopConsumer`.
public struct DisconnectWithoutStop: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS004", title: "disconnect without stop", severity: .high, minimumGrade: .read,
            meaning: """
                A consumer overrides websocket_disconnect and returns from it without raising StopConsumer, which the \
                base class would have done. The consumer then outlives its connection exactly as with a swallowed stop: \
                hot where the server delivers the disconnect again, cold elsewhere.
                """,
            detection: """
                As LS001 and LS002, where the code that decides over the end is an override of websocket_disconnect and \
                dispatch itself is not overridden.
                """,
            falsePositives: "As LS001 and LS002.",
            fixes: [
                (
                    "Django Channels",
                    "call `await super().websocket_disconnect(message)`, or raise StopConsumer(); better: override disconnect(self, code) instead"
                )
            ],
            reproduce: "loopscope serve, then close a connection to /ws/no-stop")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty else {
            return .notEnoughEvidence("no census of consumers was taken")
        }
        let cases = SwallowedStopCase.cases(of: [.hot, .cold], in: evidence, disconnectOverride: true)
        return cases.isEmpty ? .holds : .found(cases.map(finding))
    }

    private func finding(_ found: SwallowedStopCase) -> Finding {
        let hot = found.instances.contains { $0.face == .hot }
        var finding = hot ? found.hotFinding(card) : found.coldFinding(card)
        if hot { finding.severity = .critical }
        let isRequest = found.disconnect == "http.disconnect"
        let handler = isRequest ? "http_disconnect" : "websocket_disconnect"
        let name = found.location?.function ?? handler
        finding.fix = "call `await super().\(handler)(message)` at the end of \(name), or override disconnect() instead"
        if found.location?.isSwift == true {
            let call = isRequest ? "httpDisconnect()" : "websocketDisconnect(code: code)"
            finding.fix = "call `try await super.\(call)` at the end of \(name), or override disconnect instead"
        }
        return finding
    }
}
