import Observations

/// One instance's dispatches: the one under way, and the last few. Plain memory, as in `DispatchCells`; what is written at
/// every dispatch comes first and is one line of the processor's cache.
struct InstanceCells {
    /// Dispatches kept in full at either end of an instance's life.
    static let eventLimit: UInt64 = 4

    /// A dispatch as numbers, since nearly all of them are never asked for.
    struct Late {
        var began: Int64
        var duration: Int64
        var label: Int32
        var outcome: DispatchOutcome
    }

    /// The cells of the message under way; its class has them, and the instance has its class.
    var message: UnsafeMutablePointer<DispatchCells>?
    /// Those of `websocket.receive`, once there was one.
    var receive: UnsafeMutablePointer<DispatchCells>?
    var began: Int64 = 0
    /// Since when it has the loop.
    var segment: Int64 = 0
    var busy: Int64 = 0
    var dispatches: UInt64 = 0
    /// The last few, as a ring: dispatch `number` is at `number % eventLimit`. `nil` before the first that goes there.
    private var latest: UnsafeMutablePointer<Late>?
    var lastLabel: Int32 = 0
    /// How the message under way ended, when the time of its end is not known yet.
    var outcome: DispatchOutcome?
    /// Whether its loop lists it: then it may have the loop.
    var isListed = false
    var isDisconnect = false
    var wasDisconnected = false

    /// Whose they are.
    var owner: Unmanaged<InstanceMeter>?
    var disconnects = 0
    /// The newest of the ring that has been told.
    private var lastTold: UInt64 = 0
    var hasReachedBase = false
    var wasSwallowed = false

    private static let line = 64

    /// Empty cells. The caller frees them with `free`.
    static func allocate() -> UnsafeMutablePointer<InstanceCells> {
        let cells = aligned(InstanceCells.self, count: 1)
        cells.initialize(to: InstanceCells())
        return cells
    }

    static func free(_ cells: UnsafeMutablePointer<InstanceCells>) {
        if let latest = cells.pointee.latest { UnsafeMutableRawPointer(latest).deallocate() }
        UnsafeMutableRawPointer(cells).deallocate()
    }

    private static func aligned<Value>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
        UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<Value>.stride * count, alignment: line)
            .bindMemory(to: type, capacity: count)
    }

    /// Whether a dispatch is under way.
    var isDispatching: Bool { message != nil && outcome == nil }

    /// A dispatch begins, and with it the time on the loop.
    @inline(__always)
    mutating func begin(_ message: UnsafeMutablePointer<DispatchCells>, at now: Int64) {
        self.message = message
        began = now
        segment = now
        busy = 0
        dispatches &+= 1
        lastLabel = message.pointee.label
        isDisconnect = false
        if wasDisconnected { message.pointee.afterDisconnect &+= 1 }
    }

    /// The time on the loop ends, and with it the dispatch, if its outcome is known: then it is counted.
    ///
    /// - Returns: the dispatch, when it is one of the first few: they are told at once, the last few when asked for.
    @inline(__always)
    mutating func end(at now: Int64) -> Late? {
        guard let message else { return nil }
        busy &+= now &- segment
        guard let outcome else { return nil }
        message.pointee.count(outcome, busy: busy, duration: now &- began)
        self.message = nil
        self.outcome = nil
        let late = Late(began: began, duration: now &- began, label: lastLabel, outcome: outcome)
        guard dispatches > Self.eventLimit else { return late }
        let ring = latest ?? makeRing()
        ring[Int(truncatingIfNeeded: dispatches % Self.eventLimit)] = late
        return nil
    }

    @inline(never)
    private mutating func makeRing() -> UnsafeMutablePointer<Late> {
        // What came before went elsewhere.
        lastTold = dispatches &- 1
        let ring = Self.aligned(Late.self, count: Int(Self.eventLimit))
        latest = ring
        return ring
    }

    /// The last few that have been counted, with their numbers, the oldest first, each once.
    mutating func takeLatest() -> [(number: UInt64, late: Late)] {
        let counted = message == nil ? dispatches : dispatches &- 1
        guard let latest, counted > lastTold else { return [] }
        let first = max(lastTold, counted - Self.eventLimit) + 1
        lastTold = counted
        return (first...counted).map { ($0, latest[Int(truncatingIfNeeded: $0 % Self.eventLimit)]) }
    }
}
