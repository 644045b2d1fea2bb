import Analysis
import Foundation
import Gate
import Scenarios

// Re-judges recorded gates: every run of one server held against every other run of it, with client times drawn anew.
//
//     GateRates RUN.json...        (what `loopscope gate --json` printed)
//
// Counts are those that were recorded; what is tested is the judge, and that no time decides. Prints one line per server.

/// What is read of a gate's JSON (docs/formats/gate.schema.json).
struct Run: Decodable {
    struct Rule: Decodable {
        var subject: String
        var value: Double?
    }
    struct Trial: Decodable {
        var server: String
    }

    var rules: [Rule]
    var trial: Trial
    var fingerprint: Fingerprint
    var clients: [Phase]

    struct Phase: Decodable { var opened: Int }

    /// What was counted, with each client time drawn from all runs of the server and stretched by up to ten.
    func readings(drawing times: [String: [Double]], _ random: inout SeededGenerator) -> Readings {
        var values: [String: Double] = [:]
        for rule in rules {
            guard let value = rule.value else { continue }
            let isTime = rule.subject.hasPrefix("latency.") || rule.subject.hasPrefix("connect.")
            let drawn = isTime ? times[rule.subject]?.randomElement(using: &random) : nil
            values[rule.subject] = drawn.map { $0 * Double.random(in: 0.1...10, using: &random) } ?? value
        }
        return Readings(values: values, connections: clients.reduce(0) { $0 + $1.opened })
    }
}

var (byServer, unread): ([String: [Run]], Int) = ([:], 0)
for path in CommandLine.arguments.dropFirst() {
    if let run = FileManager.default.contents(atPath: path).flatMap({ try? JSONDecoder().decode(Run.self, from: $0) }) {
        byServer[run.trial.server, default: []].append(run)
    } else {
        unread += 1
    }
}
var random = SeededGenerator(seed: 8)
var (judged, alarms) = (0, 0)
for (server, runs) in byServer.sorted(by: { $0.key < $1.key }) {
    var times: [String: [Double]] = [:]
    for rule in runs.flatMap(\.rules) { if let value = rule.value { times[rule.subject, default: []].append(value) } }
    var (mine, wrong): (Int, [String]) = (0, [])
    for (first, before) in runs.enumerated() {
        for (second, after) in runs.enumerated() where first != second {
            let baseline = Baseline(
                before.readings(drawing: times, &random), fingerprint: before.fingerprint, findings: [],
                clients: ClientTally())
            let verdict = GateJudge(
                budget: .nothingStays, baseline: baseline, today: CalendarDay(secondsSince1970: 1_795_600_800)
            ).judge(
                after.readings(drawing: times, &random), findings: [], fingerprint: after.fingerprint, isSettled: true)
            mine += 1
            if verdict.status(failOn: .high) != .passed {
                wrong += verdict.entries.filter { $0.outcome == .failed }.map(\.subject) + verdict.undecided
            }
        }
    }
    judged += mine
    alarms += wrong.count
    print("\(server): \(mine) pairs, \(wrong.count) false alarms \(Set(wrong).sorted().joined(separator: ", "))")
}
print("all: \(judged) pairs, \(alarms) false alarms" + (unread > 0 ? ", \(unread) files are no gate's JSON" : ""))
