import Clocks
import Observations
import TargetMemory

/// Counts the stacks of a window, and looks more closely at one that is seen for the first time.
///
/// Owns the table of the window and the one that the next begins with. One thread: the sampler's.
final class StackCounter {
    /// How often a sample is taken anew that was whole and yet cannot be.
    static let tries = 4

    private let resolver: StackResolver
    private var table = StackTable()
    /// The table that the next window begins with; `nil` when there was none yet, or while the one before is being read.
    private var spare: StackTable?
    /// Whether the table before has not come back yet.
    private(set) var isLent = false
    /// The stack that the first reading of the present sample showed and that cannot be.
    private var suspect: [UInt64] = []
    private var jitter: UInt64 = 1

    init(_ process: PythonProcess) { resolver = StackResolver(process) }

    /// Whether the present window should end early: there are so many different stacks in it.
    var isCrowded: Bool { !isLent && table.isCrowded }

    /// Counts a stack that was read at the given attempt, of `tries`, at the present sample; `outer` is
    /// the hash of its outer frames.
    ///
    /// - Returns: its index; `nil` when there is no room for it, or it cannot be.
    func count(_ stack: UnsafeBufferPointer<UInt64>, outer: UInt64, _ attempt: Int) -> Int? {
        if let index = table.count(stack, outer: outer) { return index }
        // Its code objects are alive now; in a second they may be gone.
        guard table.hasRoom(for: stack.count), let found = try? resolver.resolve(stack, for: &table) else { return nil }
        if !found.isPossible {
            // What stands still is what it is: all readings of this sample must have shown this stack.
            let isSame = attempt > 0 && stack.elementsEqual(suspect)
            suspect = attempt == 0 || isSame ? Array(stack) : []
            guard isSame, attempt == Self.tries - 1 else {
                waitABit()
                return nil
            }
        }
        return table.add(stack, found.trace)
    }

    /// Counts a stack once more.
    ///
    /// - Returns: whether there is one of this index.
    func countAgain(_ index: Int) -> Bool {
        guard index < table.entries.count else { return false }
        table.count(index)
        return true
    }

    /// Spins for 5 to 50 µs: a target that goes round in step with the readings must not look as if it stood still.
    private func waitABit() {
        jitter = jitter &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        let end = Moment.now() + Nanoseconds(5_000 + Int64(jitter >> 33) % 45_000)
        while .now() < end {}
    }

    // MARK: What stacks are

    /// What a loop's thread with this stack does; `nil` when there is none of this index.
    func turn(_ index: Int) -> (isWaiting: Bool, trace: StackTrace)? {
        guard index < table.entries.count else { return nil }
        return (table.isWaiting(index), table.entries[index].trace)
    }

    /// Whether a thread with this stack is inside a call of a sync bridge; `nil` when there is none of this index.
    func isBridgeCall(_ index: Int) -> Bool? {
        index < table.entries.count ? table.isBridgeCall(index) : nil
    }

    // MARK: Windows

    /// Hands the window's table over, and begins the next one with another, which knows the stacks that `threads` had last.
    ///
    /// - Returns: `nil` while the table before has not come back.
    func handOver(_ threads: [WatchedThread]) -> StackTable? {
        if isLent { return nil }
        var next = spare.take() ?? StackTable()
        isLent = true
        for thread in threads { thread.lastStack = thread.lastStack.map { next.adopt($0, of: table) } }
        swap(&table, &next)
        resolver.begin()
        return next
    }

    /// Gets a table back whose stacks have been read.
    func takeBack(_ table: consuming StackTable) {
        spare = consume table
        isLent = false
    }
}
