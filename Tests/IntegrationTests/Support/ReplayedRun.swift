import Commands
import Foundation
import Synchronization

/// What `loopscope replay --json` came to, run in this process.
struct ReplayedRun: Sendable, CustomStringConvertible {
    var status: ExitReason
    /// Codes of the findings.
    var codes: [String]
    /// Titles of the findings.
    var titles: [String]
    /// What each finding blames.
    var places: [Place]
    /// What each finding rests on.
    var evidence: [String]
    /// Outcomes of the checks, in order.
    var outcomes: [String]
    /// Clients whose script did not end as it should.
    var failed: Int
    /// What stood on standard error, and how scripts failed.
    var error: String
    var description: String { "\(status) \(codes) \(outcomes) \(failed) failed \(error)" }

    /// Where a finding is.
    struct Place: Sendable {
        var function: String?
        var line: Int?
        var handler: Int?

        init(_ location: [String: Any]?) {
            function = location?["function"] as? String
            line = location?["line"] as? Int
            handler = location?["handler_line"] as? Int
        }
    }

    /// Plays.
    static func play(_ arguments: [String]) async throws -> ReplayedRun {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        let status = await Loopscope.run(["replay", "--json"] + arguments, in: world)
        let (output, error) = printed.withLock { $0 }
        let report = try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        let clients = report?["clients"] as? [[String: Any]] ?? []
        return ReplayedRun(
            status: status,
            codes: (report?["findings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String },
            titles: (report?["findings"] as? [[String: Any]] ?? []).compactMap { $0["title"] as? String },
            places: (report?["findings"] as? [[String: Any]] ?? []).map { Place($0["location"] as? [String: Any]) },
            evidence: (report?["findings"] as? [[String: Any]] ?? []).flatMap { $0["evidence"] as? [String] ?? [] },
            outcomes: (report?["checks"] as? [[String: Any]] ?? []).compactMap { $0["outcome"] as? String },
            failed: clients.reduce(0) { $0 + ($1["failed"] as? Int ?? 0) },
            error: error + clients.compactMap { $0["failures"] as? [Any] }.map { "\($0)" }.joined())
    }
}
