/// Something that happened in a channel layer. Never a message's content.
public struct LayerEvent: Hashable, Sendable, Codable {
    /// What happened.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// A message was refused because the channel was full.
        case full
        /// A group message was dropped for a member whose channel was full.
        case dropped
        /// A message expired unread.
        case expired
        /// A group membership expired.
        case membershipExpired
    }

    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// What happened.
    public var kind: Kind
    /// The layer's class.
    public var layer: String
    /// The group, if one was addressed.
    public var group: String?
    /// How often since the last such event.
    public var count: Int

    /// An event of a layer.
    public init(time: Moment, pid: Int32, kind: Kind, layer: String, group: String? = nil, count: Int = 1) {
        self.time = time
        self.pid = pid
        self.kind = kind
        self.layer = layer
        self.group = group
        self.count = count
    }
}

/// A channel layer of a process at one instant. Never a message's content.
public struct LayerCensus: Hashable, Sendable, Codable {
    /// One group.
    public struct Group: Hashable, Sendable, Codable {
        /// Its name, as the application chose it.
        public var name: String
        /// Channels in it.
        public var members: Int
        /// Of those, channels of one connection that no consumer and no receiving task has any more.
        public var stale: Int

        /// A group.
        public init(name: String, members: Int, stale: Int) {
            self.name = name
            self.members = members
            self.stale = stale
        }
    }

    /// Most groups that are named.
    public static let groupLimit = 16

    /// Its name in the settings: `default`.
    public var alias: String
    /// Its class: `channels.layers.InMemoryChannelLayer`.
    public var layer: String
    /// Memberships in all its groups; `nil` when they are not in this process's memory.
    public var members: Int?
    /// Of those, the stale ones.
    public var stale: Int?
    /// The groups with the most stale members, at most `groupLimit`.
    public var groups: [Group]

    /// A layer.
    public init(alias: String, layer: String, members: Int? = nil, stale: Int? = nil, groups: [Group] = []) {
        self.alias = alias
        self.layer = layer
        self.members = members
        self.stale = stale
        self.groups = groups
    }
}

/// Something that happened on a bridge between synchronous and asynchronous code.
public struct BridgeEvent: Hashable, Sendable, Codable {
    /// What happened.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// An event loop was made for one call.
        case loopCreated
        /// A thread was made for one call.
        case threadCreated
        /// A call waited for the one thread that serves all sensitive calls.
        case queued
        /// A request was served: what the others are divided by.
        case request
        /// Anything in the process's network namespace accepted a TCP connection. Told of servers that answer one request
        /// per connection and do not count them: they served no more.
        case connection
    }

    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// What happened.
    public var kind: Kind
    /// Who called: the innermost application frame.
    public var site: Frame?
    /// How often since the last such event.
    public var count: Int

    /// An event of a bridge.
    public init(time: Moment, pid: Int32, kind: Kind, site: Frame? = nil, count: Int = 1) {
        self.time = time
        self.pid = pid
        self.kind = kind
        self.site = site
        self.count = count
    }
}

/// What a client of ours saw of one connection.
public struct ClientEvent: Hashable, Sendable, Codable {
    /// What happened.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// The handshake was answered with 101; `latency` is connect to answer.
        case opened
        /// The handshake failed; `code` is the HTTP status, if there was one.
        case refused
        /// A reply came; `latency` is send to reply.
        case replied
        /// No reply in time.
        case timedOut
        /// The connection ended; `code` is the close code seen.
        case closed
        /// From here on nobody was connected; `count` is how many connections there had been.
        case allGone
        /// The server that we launched was told to end (SIGTERM).
        case terminated
        /// It ended; `latency` is from SIGTERM.
        case exited
        /// It had not ended after `latency`.
        case stayed
        /// A launch of the same command that nobody had visited ended `latency` after SIGTERM.
        case unvisitedExited
        /// The server's own log says that it cancelled `count` applications, long after their connections had ended.
        case cancelled
    }

    /// When.
    public var time: Moment
    /// The client's number in its scenario.
    public var client: UInt64
    /// The scenario's phase.
    public var phase: String
    /// What happened.
    public var kind: Kind
    /// Close code or HTTP status.
    public var code: Int?
    /// How long it took.
    public var latency: Nanoseconds?
    /// How many alike since the last such event.
    public var count: Int

    /// An event a client saw.
    public init(
        time: Moment, client: UInt64, phase: String, kind: Kind, code: Int? = nil, latency: Nanoseconds? = nil,
        count: Int = 1
    ) {
        self.time = time
        self.client = client
        self.phase = phase
        self.kind = kind
        self.code = code
        self.latency = latency
        self.count = count
    }
}
