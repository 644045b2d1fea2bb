public import Analysis
import Observations

/// All detectors, and how their findings are put together.
public enum Catalogue {
    /// In the order of their codes.
    public static let all: [any Detector] = [
        SwallowedStopHot(), SwallowedStopCold(), StuckAfterDisconnect(), DisconnectWithoutStop(), CleanUpSkipped(),
        TaskOutlivesConnection(), DescriptorLeak(), HandshakeUnanswered(), StaleGroupMembers(), SerialThread(),
        BridgeDeadlock(), BridgePerCall(), BlockedLoop(), IdleBusyLoop(), ShutdownWaits(), EndsDisagree(),
    ]

    /// The detector of a code, however it is written: `LS001`, `ls001`, `001`, `1`.
    public static func detector(for code: String) -> (any Detector)? {
        let wanted = code.uppercased().drop { $0 == "L" || $0 == "S" }
        guard let number = Int(wanted), number > 0 else { return nil }
        return all.first { Int($0.card.code.dropFirst(2)) == number }
    }

    /// Judges a session with every detector, then keeps one finding per cause.
    public static func judge(_ evidence: Evidence) -> Judgement {
        var findings: [Finding] = []
        var checked: [String] = []
        var notChecked: [(code: String, why: String)] = []
        for detector in all {
            let card = detector.card
            if let grade = evidence.start?.grade, grade < card.minimumGrade {
                notChecked.append(
                    (card.code, "needs \(card.minimumGrade.rawValue) evidence, this is \(grade.rawValue)"))
                continue
            }
            switch detector.check(evidence) {
            case .holds: checked.append(card.code)
            case .found(let more):
                checked.append(card.code)
                findings += more
            case .notEnoughEvidence(let why): notChecked.append((card.code, why))
            }
        }
        var resolved = Finding.worstFirst(Precedence.resolve(findings))
        for index in resolved.indices {
            guard let file = resolved[index].location?.file, let line = resolved[index].shownLine else { continue }
            resolved[index].source = evidence.sources.first { $0.shows(line, of: file) }
        }
        return Judgement(findings: resolved, checked: checked, notChecked: notChecked)
    }
}
