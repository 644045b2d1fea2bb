public import Analysis
import Observations

/// LS001: `StopConsumer` is swallowed and the server delivers the disconnect again and again.
public struct SwallowedStopHot: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS001", title: "swallowed stop (hot)", severity: .critical, minimumGrade: .read,
            meaning: """
                A consumer's `dispatch` catches StopConsumer and returns. The dispatch loop only ends on an exception, so \
                it asks the server for the next message, and this server answers a closed connection with \
                websocket.disconnect at once, every time. One such consumer takes a whole core. The loop's lag stays \
                under 5 ms, so lag monitors are blind; a profiler shows _run_once and await_many_dispatch.
                """,
            detection: """
                In a census, an instance whose socket is gone and whose last message is websocket.disconnect, and that \
                moved between two censuses (its receive task changed), or was given more than two disconnects. The code to \
                blame is the class's own dispatch, from its MRO or from the async return chain when the stop was swallowed.
                """,
            falsePositives: """
                A disconnect in flight has its socket gone too, but it does not move: it is one dispatch. An instance \
                that ends before the last census is not counted.
                """,
            fixes: [
                (
                    "Django Channels",
                    "add `except StopConsumer: raise` before `except Exception` in the overriding dispatch"
                ),
                (
                    "loopscope runtime (Swift)",
                    "`catch let stop as StopConsumer { throw stop }` before the other `catch`"
                ),
                (
                    "uvicorn",
                    "since 0.50 the default implementation makes this bug cold (LS002) instead of hot: upgrading only hides it"
                ),
            ],
            reproduce: "loopscope demo")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard !evidence.connectionCensuses.isEmpty else {
            return .notEnoughEvidence("no census of consumers was taken")
        }
        let cases = SwallowedStopCase.cases(of: [.hot], in: evidence, disconnectOverride: false)
        return cases.isEmpty ? .holds : .found(cases.map { $0.hotFinding(card) })
    }
}

extension SwallowedStopCase {
    /// A finding of a spinning class.
    func hotFinding(_ card: DetectorCard) -> Finding {
        var lines = ["\(count.counted("consumer")) still dispatching \(disconnect) for closed connections"]
        if let rate {
            lines.append("\(Int(rate).spaced) disconnects/s")
        } else if let created = createdTasks, created >= 10 {
            // Channels makes one receive task for each message that it dispatches.
            lines.append("about \(Int(created.rounded()).spaced) disconnects/s, by the tasks created for them")
        }
        if let cost = evidence.cost(of: consumer) {
            lines.append("\(Int(cost.percent.rounded())) % of loop \(cost.loop)'s time")
        } else if let loop = evidence.loops.first(where: { pid == nil || $0.pid == pid }), let load = loop.loadPercent {
            lines.append("the loop of thread \(loop.thread) is \(Int(load.rounded())) % busy")
            if let share = evidence.dispatchShare(of: loop.pid), share.samples >= 20 {
                lines.append(
                    "\(Int(share.percent.rounded())) % of its time in their dispatch (\(share.samples.counted("sample")))"
                )
            }
            lines.append("a message on a healthy connection waits some \(waiting) longer for them")
        }
        lines += more
        var finding = card.finding(
            confidence: .proof, grade: grade, pid: pid, consumer: consumer, count: count, location: location,
            evidence: lines, howSure: howSure, fix: fix, check: check)
        finding.connections = connections
        return finding
    }

    /// What they add to the latency of every healthy connection of their loop: 0.17 ms each (measured on uvicorn's
    /// `websockets`, 1 to 400 of them).
    private var waiting: String {
        let milliseconds = Double(count) * 0.17
        return "\(milliseconds < 10 ? (milliseconds * 10).rounded() / 10 : milliseconds.rounded()) ms"
    }

    /// Tasks created a second in the processes of the instances, by their names.
    private var createdTasks: Double? {
        let rates = Set(instances.map(\.pid)).compactMap { evidence.tasksPerSecond[$0] }
        return rates.isEmpty ? nil : rates.reduce(0, +)
    }

    /// Disconnects a second, all instances together, when they could be counted.
    var rate: Double? {
        let rates = instances.compactMap(\.dispatchesPerSecond)
        if !rates.isEmpty { return rates.reduce(0, +) }
        return evidence.ledger[consumer]?.dispatchesPerSecond
    }
}
