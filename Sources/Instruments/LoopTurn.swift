import Clocks
import Synchronization

/// What the time of a loop belongs to. Plain memory, as in `DispatchCells`: its loop's instrument owns it.
struct LoopTurn: ~Copyable {
    /// The cells of the instance that has the loop: one of its list, which keeps it alive. `nil` when nobody has it.
    var cells: UnsafeMutablePointer<InstanceCells>?
    /// When the batch of jobs under way began; 0 between two.
    var began: Int64 = 0
    /// The clock of all that is counted on it.
    var clock = CounterClock()
    /// The number of what is being dispatched; 0 for nothing. The watchdog reads it.
    let dispatching = Atomic<Int32>(0)
    /// Whose turn it is.
    var loop: Unmanaged<LoopInstrument>?

    /// Nobody has it. The caller frees it.
    static func allocate() -> UnsafeMutablePointer<LoopTurn> {
        let turn = UnsafeMutablePointer<LoopTurn>.allocate(capacity: 1)
        turn.initialize(to: LoopTurn())
        return turn
    }

    static func free(_ turn: UnsafeMutablePointer<LoopTurn>) {
        turn.deinitialize(count: 1)
        turn.deallocate()
    }

    /// A job begins: whoever had the loop has had it until now.
    @inline(__always)
    mutating func jobBegins(at now: Int64) {
        if began == 0 { begin(at: now) }
        holderEnds(at: now)
    }

    @inline(never)
    private mutating func begin(at now: Int64) {
        began = now
        loop?._withUnsafeGuaranteedRef { $0.turnBegins(at: now) }
    }

    @inline(__always)
    mutating func holderEnds(at now: Int64) {
        dispatching.store(0, ordering: .relaxed)
        guard let cells else { return }
        self.cells = nil
        if let late = cells.pointee.end(at: now) { cells.pointee.owner?._withUnsafeGuaranteedRef { $0.tell(late) } }
    }
}
