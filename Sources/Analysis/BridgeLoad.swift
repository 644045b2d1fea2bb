public import Observations

/// Who makes bridges under WSGI: the innermost frame outside asgiref in a thread that is inside `async_to_sync`.
public struct BridgeSite: Hashable, Sendable {
    /// What kind of code makes the call.
    public enum Kind: String, Hashable, Sendable {
        /// The application: a view, a model, a template tag.
        case application
        /// Django's own, for an asynchronous view.
        case view
        /// Django's own, for a middleware of the other kind.
        case middleware
        /// Django's own, for asynchronous receivers of a signal.
        case signal
        /// Another library.
        case library
    }

    /// What kind of code makes the call.
    public var kind: Kind
    /// The frame.
    public var frame: Frame
    /// What sends the signal, for a signal: `WSGIHandler.__call__` sends request_started.
    public var signal: String?

    /// For a person: `Signal.send (request_started)`.
    public var text: String { frame.function + (signal.map { " (\($0))" } ?? "") }

    /// The site of a stack; `nil` when its thread is in no `async_to_sync`.
    public init?(_ stack: StackTrace) {
        guard stack.turn == nil, let call = stack.frames.lastIndex(where: \.isBridgeToAsync) else { return nil }
        let outer = stack.frames[..<call]
        guard
            let place = outer.lastIndex(where: { frame in
                !(frame.file?.contains("/asgiref/") ?? false) && !frame.isPartOfFunction
            })
        else { return nil }
        frame = outer[place]
        let file = frame.file ?? ""
        if file.hasSuffix("django/dispatch/dispatcher.py") {
            kind = .signal
            signal = Self.signal(sentBy: outer[..<place])
        } else if frame.isApplication {
            kind = .application
        } else if file.hasSuffix("django/core/handlers/base.py"), frame.function.hasSuffix("_get_response") {
            kind = .view
        } else if file.contains("django/core/handlers/") || file.hasSuffix("django/utils/deprecation.py") {
            kind = .middleware
        } else {
            kind = .library
        }
    }

    private static func signal(sentBy frames: ArraySlice<Frame>) -> String {
        guard let sender = frames.last else { return "a signal" }
        if sender.file?.hasSuffix("django/core/handlers/wsgi.py") == true { return "request_started" }
        if sender.file?.hasSuffix("django/http/response.py") == true { return "request_finished" }
        return "a signal sent by \(sender.function)"
    }
}

extension Frame {
    /// `AsyncToSync.__call__` (asgiref/sync.py).
    fileprivate var isBridgeToAsync: Bool {
        file?.hasSuffix("asgiref/sync.py") == true && (function == "__call__" || function == "AsyncToSync.__call__")
    }

    /// A comprehension or a lambda, which is a part of the function around it.
    fileprivate var isPartOfFunction: Bool { function.hasSuffix(">") && !function.hasSuffix("<module>") }
}

/// Event loops and threads that a WSGI process makes for calls of `async_to_sync`.
public struct BridgeLoad: Hashable, Sendable {
    /// CPU time of one bridge, and of the same call inside another's loop, in milliseconds (Benchmarks/bridges: 0.22 to
    /// 0.43 and 0.02 on CPython 3.9 to 3.14).
    public static let (cost, sharedCost) = (0.25, 0.02)

    /// The process.
    public var pid: Int32
    /// Executors made a second, by the counter of `concurrent.futures`; each serves one bridge, with a loop of its own.
    public var perSecond: Double
    /// Requests served a second, where the server counts them (gunicorn's workers).
    public var requestsPerSecond: Double?
    /// Where it does not: no more than these. TCP connections that anything in its network namespace accepted, for a
    /// server that answers one request per connection.
    public var mostRequestsPerSecond: Double?
    /// How many were made while observing.
    public var count: Int
    /// Samples in which a thread was inside a bridge.
    public var samples: Int
    /// Where they were made, by samples, most first.
    public var sites: [(site: BridgeSite, samples: Int)]

    /// Bridges a request, where requests are counted and there were some.
    public var perRequest: Double? {
        guard let requestsPerSecond, requestsPerSecond > 0 else { return nil }
        return perSecond / requestsPerSecond
    }

    /// No fewer bridges a request than these, where requests are not counted but bounded.
    public var leastPerRequest: Double? {
        guard requestsPerSecond == nil, let mostRequestsPerSecond, mostRequestsPerSecond > 0 else { return nil }
        return perSecond / mostRequestsPerSecond
    }

    private var lasting: [(site: BridgeSite, samples: Int)] { sites.filter { $0.site.frame.function != "<module>" } }

    /// Samples that tell who makes them again and again.
    public var tellingSamples: Int { lasting.reduce(0) { $0 + $1.samples } }

    /// The site to blame: the one seen most often, unless the application has one that was seen half as often. A view with
    /// a small part of it is not to blame for what Django's signals and middleware cost. What a module does while it is
    /// imported it does once, whatever it was sampled in: only where there is nothing else.
    public var blame: BridgeSite? {
        let sites = lasting.isEmpty ? sites : lasting
        return sites.first { entry in
            entry.site.kind == .application && entry.samples * 2 >= sites[0].samples
        }?.site ?? sites.first?.site
    }

    /// What one context for all calls of a request would save.
    public struct Saving: Hashable, Sendable {
        /// Event loops, and as many threads.
        public var loopsPerSecond: Double
        /// CPU, of one core.
        public var cpuPercent: Double
        /// CPU of one request; `nil` where requests are not counted.
        public var millisecondsPerRequest: Double?
    }

    /// What sharing would save: all bridges of a request but one. Where requests are not counted, but bounded: at least so
    /// much. Where they are neither: at most so much, all bridges.
    public var saving: Saving {
        let spare = max(0, perSecond - (requestsPerSecond ?? mostRequestsPerSecond ?? 0))
        return Saving(
            loopsPerSecond: spare, cpuPercent: spare * (Self.cost - Self.sharedCost) / 10,
            millisecondsPerRequest: perRequest.map { max(0, $0 - 1) * (Self.cost - Self.sharedCost) })
    }

    /// `at least `, `at most `, or nothing where requests are counted.
    public var savingQualifier: String {
        if requestsPerSecond != nil { return "" }
        return mostRequestsPerSecond != nil ? "at least " : "at most "
    }

    /// The load of each process in which bridges were counted and seen.
    static func loads(
        _ events: [BridgeEvent], _ stacks: [StackSample], until now: Moment
    ) -> [BridgeLoad] {
        Dictionary(grouping: events, by: \.pid).sorted { $0.key < $1.key }.compactMap { pid, mine in
            let rate = { (kind: BridgeEvent.Kind) in
                Self.rate(of: mine.filter { $0.kind == kind }, until: now)
            }
            let sites = sites(in: stacks.filter { $0.pid == pid })
            guard let made = rate(.threadCreated), made.count > 0, !sites.isEmpty else { return nil }
            return BridgeLoad(
                pid: pid, perSecond: made.perSecond, requestsPerSecond: rate(.request)?.perSecond,
                mostRequestsPerSecond: rate(.connection)?.perSecond, count: made.count,
                samples: sites.reduce(0) { $0 + $1.samples }, sites: sites)
        }
    }

    /// One function is one site, with the line that was seen most often.
    private static func sites(in stacks: [StackSample]) -> [(site: BridgeSite, samples: Int)] {
        var lines: [BridgeSite: [Int?: Int]] = [:]
        for sample in stacks {
            guard var site = BridgeSite(sample.stack) else { continue }
            let line = site.frame.line
            site.frame.line = nil
            lines[site, default: [:]][line, default: 0] += sample.count
        }
        return lines.map { site, lines in
            var site = site
            site.frame.line = lines.max { ($0.value, $1.key ?? 0) < ($1.value, $0.key ?? 0) }?.key
            return (site, lines.values.reduce(0, +))
        }.sorted { ($0.samples, $1.site.text) > ($1.samples, $0.site.text) }
    }

    /// How many since something began to be counted, and per second; `nil` when it was not.
    private static func rate(of events: [BridgeEvent], until now: Moment) -> (count: Int, perSecond: Double)? {
        guard let first = events.map(\.time).min(), now > first else { return nil }
        let count = events.reduce(0) { $0 + $1.count }
        return (count, Double(count) / (now - first).seconds)
    }

    /// Equal when what was counted is.
    public static func == (left: BridgeLoad, right: BridgeLoad) -> Bool {
        left.pid == right.pid && left.perSecond == right.perSecond && left.count == right.count
            && left.samples == right.samples && left.sites.map(\.site) == right.sites.map(\.site)
    }

    /// By what was counted.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(pid)
        hasher.combine(count)
    }
}
