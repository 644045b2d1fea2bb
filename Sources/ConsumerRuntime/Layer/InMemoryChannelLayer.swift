public import Clocks
public import Instruments
public import Observations
import Synchronization

/// A channel layer inside one process (channels 4.3.2, channels/layers.py `InMemoryChannelLayer`).
///
/// A full channel refuses the new message. A channel outlives its consumer: what is sent to it waits until it expires,
/// and its memberships stay until they are discarded or expire; that is how a forgotten `groupDiscard` shows.
public final class InMemoryChannelLayer: ChannelLayer {
    /// How much a layer keeps, and how long.
    public struct Limits: Hashable, Sendable {
        /// Messages a channel holds.
        public var capacity: Int
        /// Messages that channels hold whose name is this, or begins so when it ends in `*`: `thumbnails*`. The longest fits
        /// best.
        public var capacities: [String: Int]
        /// How long a message waits for its reader.
        public var expiry: Nanoseconds
        /// How long a membership lasts.
        public var groupExpiry: Nanoseconds

        /// Channels' own limits: 100 messages, 60 s, one day.
        public init(
            capacity: Int = 100, capacities: [String: Int] = [:], expiry: Nanoseconds = .seconds(60),
            groupExpiry: Nanoseconds = .seconds(86_400)
        ) {
            self.capacity = capacity
            self.capacities = capacities
            self.expiry = expiry
            self.groupExpiry = groupExpiry
        }

        /// What a channel holds.
        func capacity(of channel: String) -> Int {
            guard !capacities.isEmpty else { return capacity }
            let fits = capacities.filter { pattern, _ in
                pattern.hasSuffix("*") ? channel.hasPrefix(pattern.dropLast()) : channel == pattern
            }
            return fits.max { $0.key.count < $1.key.count }?.value ?? capacity
        }
    }

    private struct Box {
        var messages: [(message: LayerMessage, expires: Moment)] = []
        var mailbox: Mailbox?
    }

    private struct State {
        var boxes: [String: Box] = [:]
        var groups: [String: [String: Moment]] = [:]
        var lastSweep = Moment(nanoseconds: .min)
    }

    private let state = Mutex(State())
    private let limits: Limits
    private let instrument: Instrument?
    private let now: @Sendable () -> Moment

    /// A layer.
    ///
    /// - Parameters:
    ///   - instrument: told of what is refused, dropped and expired.
    ///   - now: the clock; tests give their own.
    public init(
        limits: Limits = Limits(), instrument: Instrument? = nil, now: @escaping @Sendable () -> Moment = Moment.now
    ) {
        self.limits = limits
        self.instrument = instrument
        self.now = now
        instrument?.register { [weak self] in
            self?.census ?? LayerCensus(alias: "default", layer: Self.name, members: 0, stale: 0)
        }
    }

    /// Makes a channel for a consumer.
    public func openChannel(for mailbox: Mailbox) -> LayerChannel {
        let name = "specific.inmemory!" + Self.randomName()
        state.withLock { $0.boxes[name, default: Box()].mailbox = mailbox }
        return LayerChannel(
            name: name, take: { [self] in take(from: name) },
            close: { [self] in state.withLock { $0.boxes[name]?.mailbox = nil } })
    }

    private static func randomName() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return String((0..<12).map { _ in letters.randomElement() ?? "a" })
    }

    /// Sends to one channel.
    public func send(_ channel: String, _ message: LayerMessage) async throws {
        try InvalidName.check(channel: channel)
        let moment = now()
        let (isFull, mailbox) = state.withLock { state in
            sweep(&state, moment)
            return put(message, to: channel, &state, moment)
        }
        guard !isFull else {
            instrument?.count(layer: .full, of: Self.name)
            throw ChannelFull(channel: channel)
        }
        mailbox?.pokeFromAnywhere()
    }

    /// Sends to each channel of a group.
    public func groupSend(_ group: String, _ message: LayerMessage) async throws {
        try InvalidName.check(group: group)
        let moment = now()
        var dropped = 0
        let mailboxes = state.withLock { state in
            sweep(&state, moment)
            return (state.groups[group] ?? [:]).keys.compactMap { channel -> Mailbox? in
                let (isFull, mailbox) = put(message, to: channel, &state, moment)
                dropped += isFull ? 1 : 0
                return isFull ? nil : mailbox
            }
        }
        if dropped > 0 { instrument?.count(layer: .dropped, of: Self.name, group: group, times: dropped) }
        for mailbox in mailboxes { mailbox.pokeFromAnywhere() }
    }

    /// Adds a channel to a group.
    public func groupAdd(_ group: String, _ channel: String) async throws {
        try InvalidName.check(group: group)
        try InvalidName.check(channel: channel)
        let moment = now()
        let (isNew, mailbox) = state.withLock { state in
            let old = state.groups[group, default: [:]].updateValue(moment + limits.groupExpiry, forKey: channel)
            return (old == nil, state.boxes[channel]?.mailbox)
        }
        if isNew { mailbox?.countGroup(joined: true) }
    }

    /// Takes a channel out of a group.
    public func groupDiscard(_ group: String, _ channel: String) async throws {
        try InvalidName.check(group: group)
        try InvalidName.check(channel: channel)
        let (wasIn, mailbox) = state.withLock { state in
            let old = state.groups[group]?.removeValue(forKey: channel)
            if state.groups[group]?.isEmpty == true { state.groups[group] = nil }
            return (old != nil, state.boxes[channel]?.mailbox)
        }
        if wasIn { mailbox?.countGroup(joined: false) }
    }

    /// Forgets every message and every group: between two tests.
    public func flush() {
        state.withLock { state in
            for name in state.boxes.keys { state.boxes[name]?.messages = [] }
            state.groups = [:]
        }
    }

    /// The channels of a group.
    public func members(of group: String) -> [String] { state.withLock { ($0.groups[group] ?? [:]).keys.sorted() } }

    /// Its groups, and which members no consumer has any more.
    var census: LayerCensus {
        state.withLock { state in
            var groups: [LayerCensus.Group] = []
            for (name, members) in state.groups {
                let stale = members.keys.count { $0.contains("!") && state.boxes[$0]?.mailbox == nil }
                groups.append(.init(name: name, members: members.count, stale: stale))
            }
            groups.sort { ($0.stale, $1.name) > ($1.stale, $0.name) }
            return LayerCensus(
                alias: "default", layer: Self.name, members: groups.reduce(0) { $0 + $1.members },
                stale: groups.reduce(0) { $0 + $1.stale }, groups: Array(groups.prefix(LayerCensus.groupLimit)))
        }
    }

    private static let name = "InMemoryChannelLayer"

    private func put(
        _ message: LayerMessage, to channel: String, _ state: inout State, _ moment: Moment
    ) -> (isFull: Bool, mailbox: Mailbox?) {
        var box = state.boxes.removeValue(forKey: channel) ?? Box()
        let isFull = box.messages.count >= limits.capacity(of: channel)
        if !isFull { box.messages.append((message, moment + limits.expiry)) }
        let mailbox = box.mailbox
        state.boxes[channel] = box
        return (isFull, mailbox)
    }

    private func take(from channel: String) -> LayerMessage? {
        state.withLock { state in
            guard state.boxes[channel]?.messages.isEmpty == false else { return nil }
            return state.boxes[channel]?.messages.removeFirst().message
        }
    }

    /// Drops what has expired, at most once a second. A message that expired unread takes its channel's memberships
    /// with it, as Channels' `_clean_expired` does.
    private func sweep(_ state: inout State, _ moment: Moment) {
        guard moment >= state.lastSweep + .seconds(1) else { return }
        state.lastSweep = moment
        var expired = 0
        var memberships = 0
        for (name, box) in state.boxes {
            let stale = box.messages.prefix { $0.expires < moment }.count
            guard stale > 0 || (box.mailbox == nil && box.messages.isEmpty) else { continue }
            state.boxes[name]?.messages.removeFirst(stale)
            expired += stale
            if stale > 0 {
                for group in state.groups.keys where state.groups[group]?.removeValue(forKey: name) != nil {
                    memberships += 1
                }
            }
            if box.mailbox == nil, box.messages.count == stale { state.boxes[name] = nil }
        }
        for (group, members) in state.groups {
            let alive = members.filter { $0.value >= moment }
            memberships += members.count - alive.count
            state.groups[group] = alive.isEmpty ? nil : alive
        }
        if expired > 0 { instrument?.count(layer: .expired, of: Self.name, times: expired) }
        if memberships > 0 { instrument?.count(layer: .membershipExpired, of: Self.name, times: memberships) }
    }
}
