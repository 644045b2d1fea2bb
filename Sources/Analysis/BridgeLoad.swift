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
    /// The process.
    public var pid: Int32
    /// Executors made a second, by the counter of `concurrent.futures`; each serves one bridge, with a loop of its own.
    public var perSecond: Double
    /// Requests served a second, where the server counts them (gunicorn's workers).
    public var requestsPerSecond: Double?
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

    /// The site to blame: the one seen most often, unless the application has one that was seen half as often. A view with
    /// a small part of it is not to blame for what Django's signals and middleware cost.
    public var blame: BridgeSite? {
        sites.first { entry in
            entry.site.kind == .application && entry.samples * 2 >= sites[0].samples
        }?.site ?? sites.first?.site
    }

    /// The load of each process in which bridges were counted and seen.
    static func loads(
        _ events: [BridgeEvent], _ stacks: [StackSample], until now: Moment
    ) -> [BridgeLoad] {
        Dictionary(grouping: events, by: \.pid).sorted { $0.key < $1.key }.compactMap { pid, mine in
            let made = mine.filter { $0.kind == .threadCreated }
            let requests = mine.filter { $0.kind == .request }
            guard let seconds = span(of: made, until: now) else { return nil }
            let count = made.reduce(0) { $0 + $1.count }
            var sites: [BridgeSite: Int] = [:]
            for sample in stacks where sample.pid == pid {
                guard var site = BridgeSite(sample.stack) else { continue }
                // One function is one site.
                site.frame.line = site.kind == .application ? nil : site.frame.line
                sites[site, default: 0] += sample.count
            }
            guard count > 0, !sites.isEmpty else { return nil }
            return BridgeLoad(
                pid: pid, perSecond: Double(count) / seconds,
                requestsPerSecond: span(of: requests, until: now).map { seconds in
                    Double(requests.reduce(0) { $0 + $1.count }) / seconds
                },
                count: count, samples: sites.values.reduce(0, +),
                sites: sites.sorted { ($0.value, $1.key.text) > ($1.value, $0.key.text) }.map { ($0.key, $0.value) })
        }
    }

    /// Seconds since something began to be counted; `nil` when it was not.
    private static func span(of events: [BridgeEvent], until now: Moment) -> Double? {
        guard let first = events.map(\.time).min(), now > first else { return nil }
        return (now - first).seconds
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
