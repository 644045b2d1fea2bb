import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import TargetMemory

/// The two system calls that read all areas of one thread, each in its own order, and what the last of them brought.
///
/// A thread moves by calling and returning, so the frames at its tip change soonest: they are read last before the
/// pointer to the current frame and first after it. Where that does not do, the reading after the pointer goes from the tip
/// outwards piece by piece, which takes longer in all but catches each frame closer to the pointer (`Manner.restless`).
///
/// Last of all comes the interpreter's lock, where it keeps none of the rest apart.
///
/// Every access to what was read is checked against the buffer's length. Owns its buffers; one thread.
struct FrameCalls: ~Copyable {
    /// In which order the second reading goes.
    enum Manner {
        /// Each area at once, and those far out but once.
        case calm
        /// From the tip outwards, piece by piece.
        case restless
    }

    /// How many ranges at the tip are read in pieces in the restless manner, into how many, and the least bytes of one.
    private static let (tip, pieces, pieceBytes) = (4, 8, 384)
    private static let lockBytes = 16

    private let thread: PythonLayout.ThreadFields
    private let state: RemoteAddress
    /// Where the interpreter's lock keeps its last holder and whether it has it; `nil` when it is not known.
    private let lock: RemoteAddress?
    private var calm: FrameCall
    private var restless: FrameCall
    /// The buffer of the last reading, and its manner.
    private(set) var bytes: UnsafeMutableRawBufferPointer
    private(set) var isCalm = true
    private var readsSomeOnce = false
    private var hasLock = false

    init(state: RemoteAddress, lock: RemoteAddress?, layout: PythonLayout) {
        self.state = state
        self.lock = lock.map { $0 &+ UInt64(layout.lockFields) }
        thread = layout.threadFields
        let room = 2 * (FrameAreaList.byteLimit + FrameAreaList.areaLimit * FrameCall.Group.gap) + 4096
        calm = FrameCall(bytes: room)
        restless = FrameCall(bytes: room)
        bytes = calm.gather.buffer
    }

    /// Prepares both calls for `areas`, which are in the order of their addresses, and for the frame of C code that keeps the
    /// current frame, where that is known (3.11, 3.12).
    mutating func prepare(_ areas: [FrameAreaList.Area], cframe: RemoteAddress, readOnce: ReadOnce) {
        calm.begin(areas: areas.count)
        restless.begin(areas: areas.count)
        let groups = FrameCall.Group.grouped(areas) { readOnce.isAllowed && $0.depth >= ReadOnce.depth }
        let (once, twice) = (groups.filter(\.isOnce), groups.filter { !$0.isOnce })
        readsSomeOnce = !once.isEmpty
        for group in twice + once { calm.appendFirst(group) { areas[$0].start } }
        for group in groups { restless.appendFirst(group) { areas[$0].start } }
        // While the C frame is not known yet, any readable word does.
        let current = thread.cframeCurrent.map {
            cframe == 0 ? state &+ UInt64(thread.frame) : cframe &+ UInt64($0)
        }
        let span = thread.span
        calm.appendState(state &+ UInt64(span.lowerBound), count: span.count, current: current)
        restless.appendState(state &+ UInt64(span.lowerBound), count: span.count, current: current)
        for group in twice.reversed() { calm.appendSecond(group) }
        for (place, group) in groups.reversed().enumerated() {
            restless.appendSecond(
                group, pieces: place < Self.tip ? max(1, min(Self.pieces, group.length / Self.pieceBytes)) : 1)
        }
        if let lock {
            calm.appendLock(lock, count: Self.lockBytes)
            restless.appendLock(lock, count: Self.lockBytes)
        }
    }

    /// What became of a call.
    enum Outcome {
        case whole
        /// It took so long that what was read once proves nothing.
        case late
        /// An area is not readable.
        case short
    }

    /// Makes one of the calls.
    mutating func read(_ memory: ProcessMemory, _ manner: Manner) throws(RemoteReadError) -> Outcome {
        let (got, all): (Int, Int)
        isCalm = manner == .calm
        switch manner {
        case .calm:
            bytes = calm.gather.buffer
            let start = readsSomeOnce ? Moment.now() : nil
            (got, all) = (try memory.read(calm.gather), calm.gather.byteCount)
            if let start, .now() - start > ReadOnce.limit { return .late }
        case .restless:
            bytes = restless.gather.buffer
            (got, all) = (try memory.read(restless.gather), restless.gather.byteCount)
        }
        hasLock = lock != nil && got == all
        // A stack needs no lock.
        return got == all || lock != nil && got == all - Self.lockBytes ? .whole : .short
    }

    /// Makes the calm call and looks at nothing that it brings: what a sample costs the kernel alone.
    ///
    /// - Returns: how many ranges it has, and bytes.
    func readAndIgnore(_ memory: ProcessMemory) throws(RemoteReadError) -> (ranges: Int, bytes: Int) {
        (calm.gather.count, try memory.read(calm.gather))
    }

    /// Where the two readings of an area begin in `bytes`.
    @inline(__always)
    func places(_ index: Int) -> FrameCall.Places { isCalm ? calm.places[index] : restless.places[index] }

    /// A word of the thread's state, by its offset there.
    @inline(__always)
    func state(_ offset: Int) -> UInt64 {
        word((isCalm ? calm.state : restless.state) + offset - thread.span.lowerBound)
    }

    /// The current frame, as the frame of C code has it.
    var current: RemoteAddress { word(isCalm ? calm.current : restless.current) }

    /// The thread state that holds the interpreter's lock; 0 when none does, or that could not be read.
    var lockHolder: RemoteAddress {
        // internal/pycore_gil.h: {last_holder, locked}.
        let place = isCalm ? calm.lock : restless.lock
        return hasLock && Int32(truncatingIfNeeded: word(place + 8)) == 1 ? word(place) : 0
    }

    /// A word of what was read.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= bytes.count)
        return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
