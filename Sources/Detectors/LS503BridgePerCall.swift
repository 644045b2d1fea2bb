public import Analysis
import Observations

/// LS503: under WSGI every call of `async_to_sync` makes an event loop and a thread for itself.
public struct BridgePerCall: Detector {
    /// Bridges a request above which they are too many.
    static let leastPerRequest = 1.5
    /// Samples inside a bridge, at least.
    static let leastSamples = 3

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS503", title: "an event loop per call", severity: .medium, minimumGrade: .sampled,
            meaning: """
                In a WSGI process nothing runs an event loop, so every outermost call of `async_to_sync` makes one, and a \
                thread to run it, and throws both away: 0.2 to 0.4 ms of CPU each, and a new connection for every client \
                that is bound to a loop (Redis, HTTP). Asynchronous middleware, asynchronous receivers of the request \
                signals and asynchronous views each cost one per request; a view that calls it five times costs five.
                """,
            detection: """
                The counter by which `concurrent.futures` numbers its executors, and gunicorn's count of requests, are \
                read from memory; the call sites are those of sampled threads inside `async_to_sync`. More than 1.5 \
                bridges a request are a finding. wsgiref counts no requests, but answers one per connection: there were \
                no more than its network namespace accepted connections, so bridges are divided by that, and the result \
                is a lower bound. Else a bridge for a request signal and one for something else are two a request.
                """,
            falsePositives: """
                One bridge a request is the price of asynchronous code under WSGI and is not reported. Where connections \
                stand for requests, other traffic of the machine can only hide the finding. Executors that the \
                application makes for itself are counted too, which only matters if threads are seen inside async_to_sync.
                """,
            fixes: [
                (
                    "Django under WSGI",
                    "make one call: gather the coroutines in one `async def` and wrap that in `async_to_sync`; write receivers and middleware synchronously"
                ),
                (
                    "asgiref 3.10",
                    "`AsyncSingleThreadContext` around the request shares the thread, about half of the cost; the loops remain"
                ),
                ("Django", "serve it under ASGI: there the server's loop is used"),
            ],
            reproduce: "fixtures/servers: serve.py --server gunicorn-sync, then get /bridge")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        guard evidence.bridgeEvents.contains(where: { $0.kind == .threadCreated }) else {
            return .notEnoughEvidence("no counter of bridges could be read")
        }
        let findings = evidence.bridges.compactMap(finding)
        if !findings.isEmpty { return .found(findings) }
        if let load = evidence.bridges.first(where: { $0.perRequest == nil && $0.samples >= Self.leastSamples }) {
            let loops = "\(Int(load.perSecond.rounded()).spaced) event loops a second are made"
            return .notEnoughEvidence(
                load.mostRequestsPerSecond.map {
                    "\(loops) for \(Int($0.rounded()).spaced) connections/s of the whole machine, which may be one a request"
                } ?? "\(loops), but this server does not count requests")
        }
        return .holds
    }

    /// Whether a request makes several: each sends its signals.
    private func isSeveral(_ load: BridgeLoad) -> Bool {
        if let perRequest = load.perRequest { return perRequest >= Self.leastPerRequest }
        if let least = load.leastPerRequest, least >= Self.leastPerRequest { return true }
        let signals = load.sites.contains { $0.site.signal?.hasPrefix("request_") == true }
        return signals && Set(load.sites.map(\.site)).count > 1
    }

    private func finding(_ load: BridgeLoad) -> Finding? {
        guard load.samples >= Self.leastSamples, let chosen = load.blame, isSeveral(load) else { return nil }
        var lines = [
            "\(Int(load.perSecond.rounded()).spaced) event loops a second, each with a thread of its own, for one call each"
        ]
        if let perRequest = load.perRequest, let requests = load.requestsPerSecond {
            lines.append("\(round(perRequest)) a request, at \(round(requests)) requests/s")
        } else if let least = load.leastPerRequest, let most = load.mostRequestsPerSecond {
            lines.append(
                "\(round(least)) a request at least: the whole machine accepted \(round(most)) connections/s, and this server answers one request on each"
            )
        } else {
            lines.append("this server does not count its requests, but each sends its signals: more than one a request")
        }
        lines.append(saving(of: load))
        for (site, samples) in load.sites.prefix(4) {
            lines.append("\(site.text): \(Int((Double(samples) / Double(load.samples) * 100).rounded())) % of samples")
        }
        return card.finding(
            confidence: .strong, grade: load.perRequest == nil ? .sampled : .read, pid: load.pid,
            count: max(1, Int((load.perRequest ?? load.leastPerRequest ?? Double(load.sites.count)).rounded())),
            location: chosen.frame.place,
            evidence: lines,
            howSure: "\(load.count.spaced) were counted by concurrent.futures itself; the call sites are from "
                + load.samples.counted("sample"),
            fix: chosen.kind == .application
                ? "in \(chosen.frame.shortName), gather the coroutines in one `async def` and call async_to_sync once"
                : "let one call of async_to_sync serve the request: make its receivers and middleware synchronous, or "
                    + "serve it under ASGI",
            check: "count the names of threads: ThreadPoolExecutor-N_0, with N growing by the same number each request",
            focus: chosen.frame.line)
    }

    /// What one context for all calls of a request would save.
    private func saving(of load: BridgeLoad) -> String {
        let saving = load.saving
        let all =
            "\(Int(saving.loopsPerSecond.rounded()).spaced) loops/s and \(Int(saving.cpuPercent.rounded())) % of a core"
        guard let each = saving.millisecondsPerRequest else {
            return "one context for all calls of a request would save \(load.savingQualifier)\(all)"
        }
        return "one context for all calls of a request would save \(all), \(round(each)) ms of CPU a request"
    }

    private func round(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
