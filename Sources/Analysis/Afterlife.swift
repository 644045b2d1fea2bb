public import Observations

/// A consumer instance that has outlived its disconnect: the seed's bug as censuses show it.
///
/// `dispatch` has returned from `websocket.disconnect`, the socket is gone, and the instance is still served. No honest
/// consumer looks like that at a moment between two dispatches; one inside a dispatch may be an honest disconnect in
/// flight and is not called outliving until a second census proves otherwise.
public struct Outliving: Hashable, Sendable {
    /// Whether it still moves.
    public enum Face: String, Hashable, Sendable {
        /// The server delivers the disconnect again and again.
        case hot
        /// It waits for a message that will never come.
        case cold
        /// Seen once: it cannot be said yet.
        case undecided
    }

    /// The process.
    public var pid: Int32
    /// The instance as last seen.
    public var instance: ConsumerInstance
    /// Whether it still moves.
    public var face: Face
    /// In how many censuses it was seen like that.
    public var sightings: Int
    /// Dispatches a second between the first and last sighting, when progress counts dispatches.
    public var dispatchesPerSecond: Double?
    /// When it was first seen like that.
    public var since: Moment
    /// How it was obtained.
    public var grade: Grade
    /// Whether it had ended by the last census: its server cancelled it.
    public var isGone: Bool

    /// Finds them in the censuses of a session: those still there in the last census of their process, and those that
    /// were seen to outlive their disconnect before they ended.
    ///
    /// - Parameter loops: what the loops did meanwhile: a loop that hardly turns has not delivered what is due.
    public static func find(in censuses: [ConnectionCensus], loops: [LoopWindow] = []) -> [Outliving] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { pid, mine in
            find(inOneProcess: mine, Turns(loops.filter { $0.pid == pid }))
        }
    }

    private static func find(inOneProcess censuses: [ConnectionCensus], _ turns: Turns) -> [Outliving] {
        guard let last = censuses.last else { return [] }
        var sightings: [UInt64: [Sighting]] = [:]
        for census in censuses {
            for instance in census.instances where instance.mayOutlive(census.grade) {
                sightings[instance.id, default: []].append((census.time, instance))
            }
        }
        let present = Set(last.instances.map(\.id))
        let here = last.instances.filter { $0.mayOutlive(last.grade) }
        let gone = sightings.values.filter { seen in
            guard let first = seen.first, let end = seen.last, !present.contains(end.instance.id) else { return false }
            return end.time - first.time >= settledBetween && seen.allSatisfy { $0.instance.dispatching == false }
        }
        return here.compactMap { judge($0, sightings[$0.id] ?? [], turns, census: last, isGone: false) }
            + gone.compactMap(\.last).sorted { $0.instance.id < $1.instance.id }.compactMap {
                judge($0.instance, sightings[$0.instance.id] ?? [], turns, census: last, isGone: true)
            }
    }

    private static func judge(
        _ instance: ConsumerInstance, _ sightings: [Sighting], _ turns: Turns, census: ConnectionCensus, isGone: Bool
    ) -> Outliving? {
        // An address may have been reused by another class between two censuses.
        let mine = sightings.filter { $0.instance.consumer == instance.consumer }
        guard let first = mine.first, let last = mine.last else { return nil }
        // What was seen before it was told does not count: a disconnect that is due looks like one that was handled.
        let story = Story(Array(mine.drop { $0.instance.disconnect == nil }))
        let redelivered = (instance.disconnects ?? 0) > 1 || instance.lastMessageIsFirstDisconnect == false
        if story.isEmpty {
            // Another message than the disconnect, a layer's, hides what came before it: then only time tells.
            guard last.time - first.time >= settledBetween, turns.areEnough(from: first.time, to: last.time) else {
                return nil
            }
        } else if !redelivered, story.moves == 0, story.returns == 0 {
            // It may be an honest disconnect in flight.
            return nil
        }
        var rate: Double?
        if let before = first.instance.progress, let now = last.instance.progress, now >= before,
            last.time > first.time,
            instance.disconnects != nil
        {
            rate = Double(now - before) / (last.time - first.time).seconds
        }
        var face =
            story.isEmpty ? Face.cold : face(of: last.instance, story, redelivered: redelivered, at: last.time)
        // Ten thousand that spin have their turn one after the other: between two each looks as if it were at rest.
        if face == .cold, !story.isEmpty, instance.disconnects == nil, !isGone,
            !turns.areEnough(from: story.begin ?? first.time, to: last.time, atLeast: Turns.round)
        {
            face = .undecided
        }
        return Outliving(
            pid: census.pid, instance: instance, face: face, sightings: mine.count, dispatchesPerSecond: rate,
            since: instance.closedAt ?? first.time, grade: census.grade, isGone: isGone)
    }
}

extension Outliving {
    /// How long an instance must have been closed before one sighting of it is enough to call it cold.
    static let settled = Nanoseconds.milliseconds(250)
    /// How long a consumer without a socket must wait for messages to be called outliving although its disconnect was
    /// not seen, or although it has ended since.
    static let settledBetween = Nanoseconds.seconds(1)

    /// Where disconnects are counted, their number decides: some servers deliver two, none honestly delivers three.
    /// Elsewhere one that was given another one than the server's first is hot; else it takes two changes of its receive
    /// tasks, or two sightings at rest. One sighting at rest proves nothing on a busy server: its message may have been
    /// read a moment later than its wait.
    private static func face(
        of instance: ConsumerInstance, _ story: Story, redelivered: Bool, at now: Moment
    ) -> Face {
        guard let disconnects = instance.disconnects else {
            if redelivered || story.moves > 1 && !story.hasOthers { return .hot }
            return story.returns > 1 && (!story.endsInMotion || story.hasOthers) ? .cold : .undecided
        }
        if disconnects > 2 { return .hot }
        let isSettled = instance.closedAt.map { now - $0 >= settled } ?? false
        return story.count > 1 || isSettled ? .cold : .undecided
    }

    fileprivate typealias Sighting = (time: Moment, instance: ConsumerInstance)

    /// What an instance did since it was first seen with its disconnect.
    private struct Story {
        /// In how many censuses.
        var count: Int
        /// In how many of them it waited for messages: `dispatch` had returned.
        var returns: Int
        /// Between how many of them its receive tasks changed.
        var moves: Int
        /// Whether they changed between the last two.
        var endsInMotion: Bool
        /// Whether it was given other messages meanwhile: a layer's, which move it too.
        var hasOthers: Bool

        /// When it was first seen with its disconnect.
        var begin: Moment?

        var isEmpty: Bool { count == 0 }

        init(_ sightings: [Sighting]) {
            let steps = zip(sightings, sightings.dropFirst()).map { $0.instance.progress != $1.instance.progress }
            count = sightings.count
            begin = sightings.first?.time
            returns = sightings.count { $0.instance.dispatching == false }
            moves = steps.count { $0 }
            endsInMotion = steps.last ?? false
            hasOthers = sightings.contains { $0.instance.disconnect == nil }
        }
    }

    /// How often the loops of a process turned.
    private struct Turns {
        /// Between two censuses, so that whatever was due has been delivered: it takes three.
        static let enough = 20
        /// For a consumer to be given one message more: asyncio takes four turns from its receive task to its dispatch.
        static let round = 8
        private let windows: [LoopWindow]

        init(_ windows: [LoopWindow]) { self.windows = windows.filter { $0.ticks != nil } }

        /// Where ticks are not known, time alone must do.
        func areEnough(from first: Moment, to last: Moment, atLeast enough: Int = Turns.enough) -> Bool {
            guard !windows.isEmpty else { return true }
            let loops = Dictionary(grouping: windows, by: \.loop).values
            return loops.allSatisfy { mine in
                let near = mine.filter { $0.start < last && $0.start + $0.length > first }
                // A loop that waits for events has delivered all that was due.
                guard !near.isEmpty, near.allSatisfy(\.isSaturated) else { return true }
                let inside = near.filter { $0.start >= first && $0.start + $0.length <= last }
                return inside.reduce(0) { $0 + ($1.ticks ?? 0) } >= enough
            }
        }
    }
}

extension LoopWindow {
    /// Whether the loop hardly waited for events, if that is known.
    fileprivate var isSaturated: Bool {
        busy.map { Double($0.count) > 0.9 * Double(length.count) } ?? (ticks != nil)
    }
}

extension ConsumerInstance {
    /// The last message it was given, if that is the end of its connection.
    package var disconnect: String? {
        lastMessage.flatMap { ["websocket.disconnect", "http.disconnect"].contains($0) ? $0 : nil }
    }

    /// Whether the last message it was given is its disconnect, and its socket is gone. A request whose connection is kept
    /// for the next one must be known to be over.
    var isAfterDisconnect: Bool {
        switch disconnect {
        case "http.disconnect"?: socket == .closed
        case nil: false
        default: socket != .open && socket != .handshake
        }
    }

    /// Whether it may have outlived its disconnect: it has seen it, or waits for messages without a socket.
    func mayOutlive(_ grade: Grade) -> Bool {
        guard isServed else { return false }
        return isAfterDisconnect
            || (grade == .read && socket == .closed && dispatching == false && lastMessage != nil)
    }
}
