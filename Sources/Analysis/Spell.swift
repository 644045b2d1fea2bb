public import Observations

/// A state that one consumer instance stayed in, census after census.
///
/// What is honest ends; so detectors ask how long it has lasted, and what could end it.
public struct Spell: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The instance as last seen.
    public var instance: ConsumerInstance
    /// In how many censuses in a row it was seen like that.
    public var sightings: Int
    /// Since when: the first of these censuses, or the end of its connection where the server keeps that.
    public var since: Moment
    /// The last of these censuses.
    public var until: Moment
    /// Whether it was over by the last census of its process.
    public var hasEnded = false
    /// How it was obtained.
    public var grade: Grade

    /// How long it has lasted at least.
    public var length: Nanoseconds { until - since }

    /// Finds the longest time in which `isLike` was true of each instance in every census, without `hasMoved` between two
    /// of them: those that last, and those that have ended.
    static func find(
        in censuses: [ConnectionCensus], where isLike: (ConsumerInstance) -> Bool,
        unless hasMoved: (ConsumerInstance, ConsumerInstance) -> Bool = { _, _ in false }
    ) -> [Spell] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { _, mine in
            find(inOneProcess: mine, where: isLike, unless: hasMoved)
        }
    }

    private static func find(
        inOneProcess censuses: [ConnectionCensus], where isLike: (ConsumerInstance) -> Bool,
        unless hasMoved: (ConsumerInstance, ConsumerInstance) -> Bool
    ) -> [Spell] {
        guard let last = censuses.last else { return [] }
        var running: [UInt64: Spell] = [:]
        var ended: [UInt64: Spell] = [:]
        for census in censuses {
            var still: [UInt64: Spell] = [:]
            for instance in census.instances where isLike(instance) {
                var spell =
                    running[instance.id]
                    ?? Spell(
                        pid: census.pid, instance: instance, sightings: 0, since: census.time, until: census.time,
                        grade: census.grade)
                // Another instance may have taken a dead one's place.
                if spell.instance.consumer != instance.consumer || hasMoved(spell.instance, instance) {
                    (spell.sightings, spell.since) = (0, census.time)
                }
                spell.sightings += 1
                spell.instance = instance
                spell.until = census.time
                still[instance.id] = spell
            }
            for (id, spell) in running where still[id] == nil && spell.length >= ended[id]?.length ?? .zero {
                ended[id] = spell
                ended[id]?.hasEnded = true
            }
            running = still
        }
        return ended.merging(running) { _, lasting in lasting }.values.map { spell in
            var spell = spell
            if let closed = spell.instance.closedAt, closed < spell.since { spell.since = closed }
            if !spell.hasEnded { spell.until = last.time }
            return spell
        }.sorted { $0.instance.id < $1.instance.id }
    }
}

extension Spell {
    /// Consumers inside their dispatch of `websocket.disconnect`, their socket gone.
    static func goodbyes(in censuses: [ConnectionCensus]) -> [Spell] {
        find(
            in: censuses, where: { $0.isServed && $0.isAfterDisconnect && $0.dispatching == true },
            unless: { $0.progress != $1.progress || $0.waitingIn != $1.waitingIn })
    }

    /// Consumers inside a handler of another message although their socket is gone: they have not heard of their
    /// disconnect, and will not before the handler returns.
    static func deaf(in censuses: [ConnectionCensus]) -> [Spell] {
        find(
            in: censuses,
            where: {
                $0.isServed && $0.socket == .closed && $0.dispatching == true && $0.lastMessage != nil
                    && $0.disconnect == nil
            }, unless: { $0.progress != $1.progress || $0.waitingIn != $1.waitingIn })
    }

    /// Consumers in no handler that have not been given the disconnect of a socket that is gone. Only whoever counts
    /// disconnects knows.
    static func unheard(in censuses: [ConnectionCensus]) -> [Spell] {
        find(
            in: censuses.filter { $0.grade == .exact },
            where: {
                $0.isServed && $0.socket == .closed && $0.dispatching == false && $0.disconnects == 0
                    && $0.lastMessage != nil
            }, unless: { $0.progress != $1.progress })
    }

    /// Consumers of a handshake that has not been answered.
    static func handshakes(in censuses: [ConnectionCensus]) -> [Spell] {
        find(
            in: censuses,
            where: {
                $0.isServed && $0.socket == .handshake
                    && ($0.lastMessage == nil || $0.lastMessage == "websocket.connect")
            }, unless: { $0.dispatching != $1.dispatching })
    }

    /// Consumers that nothing serves any more: tasks of their own keep them alive.
    static func orphans(in censuses: [ConnectionCensus]) -> [Spell] {
        find(in: censuses, where: { !$0.isServed }).filter { !$0.hasEnded }
    }
}
