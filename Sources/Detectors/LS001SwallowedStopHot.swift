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
                moved between three censuses (its receive tasks changed twice), or was given another disconnect than the \
                server's first, or more than two. The code to \
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
        if let rate = rateLine { lines.append(rate) }
        if let cost = evidence.cost(of: consumer) {
            lines.append("\(Int(cost.percent.rounded())) % of loop \(cost.loop)'s time")
        } else if let loop = evidence.loops.first(where: { pid == nil || $0.pid == pid }), let load = loop.loadPercent {
            lines.append(self.load(of: loop, load))
            if let waiting { lines.append(waiting) }
        }
        lines += more
        var finding = card.finding(
            confidence: .proof, grade: grade, pid: pid, consumer: consumer, count: count, location: location,
            evidence: lines, howSure: howSure, fix: fix, check: check)
        finding.connections = connections
        return finding
    }

    /// What they add to the latency of every healthy connection of their loop: measured on uvicorn's `websockets` with 0 to
    /// 100 of them, on asyncio and uvloop (Benchmarks/latency).
    private var waiting: String? {
        guard evidence.server(of: pid)?.package == "uvicorn" else { return nil }
        let (least, most) = (Double(count) * 0.1, Double(count) * 0.3)
        return "a message on a healthy connection waits some \(least.short) to \(most.short) ms longer for them"
    }

    /// `the loop of thread python is 99 % busy, 97 % of it with them (412 samples)`.
    private func load(of loop: LoopSummary, _ load: Double) -> String {
        let busy = "the loop of thread \(loop.thread) is \(Int(load.rounded())) % busy"
        guard let share = evidence.spinShare(of: loop.pid), share.samples >= 20 else { return busy }
        let classes = Set(evidence.outliving.filter { $0.pid == loop.pid && $0.face == .hot }.map(\.instance.consumer))
        let whom = classes.count > 1 ? "the \(classes.count) classes that spin" : "them"
        return "\(busy), \(Int(share.percent.rounded())) % of that with \(whom) (\(share.samples.counted("sample")))"
    }

    /// How many disconnects a second they are given, and how that is known.
    private var rateLine: String? {
        guard let rate, rate >= 1 else { return nil }
        let number = Int(rate.rounded()).spaced
        let entry = evidence.ledger[consumer]
        if let seen = entry?.dispatchSamples {
            return "about \(number) disconnects/s, by \(seen.spaced) that were seen"
        }
        // Channels makes one receive task for each message that it dispatches.
        return grade == .read
            ? "about \(number) disconnects/s, by the tasks created for them" : "\(number) disconnects/s"
    }

    /// Disconnects a second, all instances together, when they could be counted.
    var rate: Double? {
        let rates = instances.compactMap(\.dispatchesPerSecond)
        if !rates.isEmpty { return rates.reduce(0, +) }
        return evidence.ledger[consumer]?.dispatchesPerSecond
    }
}

extension Double {
    /// One decimal below ten, none above.
    fileprivate var short: String {
        let tenths = (self * 10).rounded() / 10
        return self < 10 && tenths != tenths.rounded() ? "\(tenths)" : "\(Int(rounded()))"
    }
}
