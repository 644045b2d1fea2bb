import Analysis
import Observations

extension ShutdownWaits {
    /// Judges a server of which only its clients, its log and its end were seen.
    func outside(_ aftermath: Aftermath) -> DetectorResult {
        guard aftermath.connections > 0 else { return .notEnoughEvidence("no client was ever connected") }
        guard let face = aftermath.face else {
            return aftermath.waits == nil
                ? .notEnoughEvidence("the server does not end on SIGTERM, even when nobody has visited it") : .holds
        }
        var finding = card.finding(
            confidence: .strong, grade: .outside, count: max(1, aftermath.cancelled), evidence: lines(aftermath, face),
            howSure:
                "after \(aftermath.connections.counted("connection")) had all been closed; from outside nobody sees which consumer it is",
            fix: "play the scenario again without --outside: what is read names the class and the line",
            check: "connect, close, and `kill -TERM` the server: it should end at once")
        finding.title = "\(card.title) (\(face.rawValue))"
        return .found([finding])
    }

    private func lines(_ aftermath: Aftermath, _ face: Aftermath.Face) -> [String] {
        if face == .bounded {
            return [
                "the server's own log says that it cancelled \(aftermath.cancelled.counted("application")) long after the connection had ended",
                "a consumer that does not stop (LS002, LS003 or LS004) looks like this",
            ]
        }
        let ending =
            aftermath.exit.map { "it took \($0.words) to end" } ?? "it had not ended \(aftermath.watched.words) later"
        let compared = aftermath.unvisited.map { "; a launch that nobody had visited took \($0.words)" } ?? ""
        var lines = ["told to end (SIGTERM), \(ending)\(compared)"]
        if let cpu = aftermath.idleCPU, face == .hot {
            let wait = aftermath.idleWait.map { $0 >= 5 ? " and waits for one \(Int($0.rounded())) % of the time" : "" }
            lines.append(
                "it takes \(Int(cpu.rounded())) % of a core\(wait ?? "") although nobody is connected, as with LS001")
        } else {
            lines.append("nothing else shows: LS002, LS003, LS004 or a handler that waits look like this")
        }
        return lines
    }
}
