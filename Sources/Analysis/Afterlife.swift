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
    public static func find(in censuses: [ConnectionCensus]) -> [Outliving] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { find(inOneProcess: $0.value) }
    }

    private static func find(inOneProcess censuses: [ConnectionCensus]) -> [Outliving] {
        guard let last = censuses.last else { return [] }
        var sightings: [UInt64: [(time: Moment, instance: ConsumerInstance)]] = [:]
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
        return here.compactMap { judge($0, sightings[$0.id] ?? [], census: last, isGone: false) }
            + gone.compactMap(\.last).sorted { $0.instance.id < $1.instance.id }.compactMap {
                judge($0.instance, sightings[$0.instance.id] ?? [], census: last, isGone: true)
            }
    }

    private static func judge(
        _ instance: ConsumerInstance, _ sightings: [(time: Moment, instance: ConsumerInstance)],
        census: ConnectionCensus, isGone: Bool
    ) -> Outliving? {
        // An address may have been reused by another class between two censuses.
        let mine = sightings.filter { $0.instance.consumer == instance.consumer }
        guard let first = mine.first, let last = mine.last else { return nil }
        // Another message than the disconnect, a layer's, hides what came before it: then only time tells.
        let wasToldSo = mine.contains { $0.instance.disconnect != nil }
        guard wasToldSo || last.time - first.time >= settledBetween else { return nil }
        let previous = mine.dropLast().last
        let moved = previous.map { $0.instance.progress != last.instance.progress } ?? false
        let redelivered = (instance.disconnects ?? 0) > 1 || instance.lastMessageIsFirstDisconnect == false
        let between = instance.dispatching == false
        // One sighting inside a dispatch may be an honest disconnect in flight.
        guard between || moved || redelivered || mine.contains(where: { $0.instance.dispatching == false }) else {
            return nil
        }
        var rate: Double?
        if let before = first.instance.progress, let now = last.instance.progress, now >= before,
            last.time > first.time,
            instance.disconnects != nil
        {
            rate = Double(now - before) / (last.time - first.time).seconds
        }
        let face = face(of: last.instance, moved: moved, sightings: mine.count, at: last.time)
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
    /// Elsewhere it takes two sightings.
    private static func face(
        of instance: ConsumerInstance, moved: Bool, sightings: Int, at now: Moment
    ) -> Face {
        guard let disconnects = instance.disconnects else {
            // A message that is not the server's first disconnect is a second one: it is delivered again and again.
            if moved || instance.lastMessageIsFirstDisconnect == false { return .hot }
            return sightings > 1 ? .cold : .undecided
        }
        if disconnects > 2 { return .hot }
        let isSettled = instance.closedAt.map { now - $0 >= settled } ?? false
        return sightings > 1 || isSettled ? .cold : .undecided
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
