import CPythonLayouts
import RemoteProcess
import TargetMemory

/// The parts of the target's memory that hold one thread's frames, read twice in one system call.
///
/// The call (`FrameCalls`) gathers, in this order: every area, the thread's state with the pointer to its current frame, and
/// every area again. What was equal in both readings of an area was so at the moment between them when the pointer was read,
/// unless it changed and changed back meanwhile: what that leaves possible, `StackSampler` checks. Frames far out are read
/// once (`ReadOnce`).
///
/// Owns its buffers; one thread.
struct FrameAreas: ~Copyable {
    private let thread: PythonLayout.ThreadFields
    private let frame: PythonLayout.FrameFields
    private var calls: FrameCalls
    private var areas = FrameAreaList()
    private var once = ReadOnce()
    /// The last walk of a calm reading, if no call was prepared since.
    private var remembered: RememberedWalk
    /// The newest chunk of the thread's data stack, always one of the areas.
    private var chunk = DataStackChunk()
    /// 3.11 and 3.12 keep the current frame in a frame of C code.
    private var cframe: RemoteAddress = 0
    /// The entry frame at the outer end of the stack, once it was seen; 0 before.
    private var entry: RemoteAddress = 0
    private var isPrepared = false
    /// The thread state that held the lock at the last reading; 0 when none did, or that could not be read.
    private(set) var holder: RemoteAddress = 0

    init(state: RemoteAddress, lock: RemoteAddress?, layout: PythonLayout) {
        thread = layout.threadFields
        frame = layout.frameFields
        calls = FrameCalls(state: state, lock: lock, layout: layout)
        remembered = RememberedWalk(frame)
    }

    /// The chunk that is read now, for those who look for frames elsewhere.
    var newestChunk: RemoteAddress { chunk.start }
    /// How many areas there are.
    var count: Int { areas.count }

    // MARK: Areas

    /// Adds an area, unless there is no room.
    mutating func add(_ start: RemoteAddress, length: Int) -> Bool {
        guard areas.add(start, length: length) else { return false }
        isPrepared = false
        return true
    }

    /// Forgets every area but the newest chunk.
    mutating func forget() {
        entry = 0
        areas.removeAll()
        isPrepared = false
        if chunk.start != 0 { _ = add(chunk.start, length: chunk.length) }
    }

    /// Forgets the chunk too: the next reading tells where it is.
    mutating func dropChunk() {
        chunk.forget()
        cframe = 0
        forget()
    }

    /// Forgets areas that no walk has used since the last weeding, and the end of the chunk if it was not in use.
    mutating func weed() {
        if chunk.trim() {
            areas.resize(areaAt: chunk.start, to: chunk.length)
            isPrepared = false
        }
        entry = 0
        if areas.weed(keeping: chunk.start) { isPrepared = false }
        // The next walk tells which areas are of use.
        remembered.forget()
        once.renew()
    }

    /// Whether an area holds a frame.
    func holds(_ address: RemoteAddress) -> Bool {
        address == entry && entry != 0 || areas.holds(address, size: frame.size)
    }

    // MARK: Reading

    /// What a reading gave.
    enum Reading {
        /// The current frame; 0 when the thread runs no Python.
        case frame(RemoteAddress)
        /// The stack has grown, its chunk changed, or the call was held up: read again.
        case moved
        /// An area is not readable any more.
        case unreadable
    }

    /// Reads everything once, in one system call.
    mutating func read(_ memory: ProcessMemory, _ manner: FrameCalls.Manner) throws(RemoteReadError) -> Reading {
        if !isPrepared || once.regroups && manner == .calm {
            areas.sort()
            remembered.forget()
            calls.prepare(areas.areas, cframe: cframe, readOnce: once)
            isPrepared = true
            once.notePrepared()
        }
        switch try calls.read(memory, manner) {
        case .late: return .moved
        case .short: return .unreadable
        case .whole: break
        }
        holder = calls.lockHolder
        once.noteReading()
        if let offset = thread.stackChunk {
            let start = calls.state(offset)
            guard chunk.note(start: start, used: calls.state(offset + 8) &- start) else {
                forget()
                return .moved
            }
        }
        let pointer = calls.state(thread.frame)
        guard thread.cframeCurrent != nil else { return .frame(pointer) }
        guard pointer == cframe else {
            cframe = pointer
            isPrepared = false
            return .moved
        }
        return .frame(cframe == 0 ? 0 : calls.current)
    }

    /// Makes the calm call and looks at nothing that it brings: what a sample costs the kernel alone.
    ///
    /// - Returns: how many ranges it has, and bytes.
    func readAndIgnore(_ memory: ProcessMemory) throws(RemoteReadError) -> (ranges: Int, bytes: Int) {
        try calls.readAndIgnore(memory)
    }

    // MARK: What was read

    /// A frame found in the areas.
    enum Found {
        /// Its words, equal in both readings.
        case words(FrameWords)
        /// The two readings differ.
        case torn
        /// No area holds it.
        case missing
    }

    /// Whether the stack is that of the last walk, in both readings.
    ///
    /// - Returns: the instruction that the innermost frame is at now; `nil` when the stack is to be walked.
    @inline(__always)
    func unchanged(from frame: RemoteAddress) -> UInt64? {
        calls.isCalm ? remembered.instruction(calls.bytes, from: frame) : nil
    }

    /// A walk of the stack begins.
    mutating func beginWalk() {
        areas.beginWalk()
        remembered.forget()
    }

    /// The walk from `frame`, a frame of Python's that runs, reached the outer end.
    mutating func endWalk(from frame: RemoteAddress) {
        if calls.isCalm { remembered.end(from: frame) }
    }

    /// Looks a frame up.
    @inline(__always)
    mutating func find(_ address: RemoteAddress, depth: Int) -> Found {
        if address == entry { return .words(.end) }
        guard let found = areas.find(address, size: frame.size, depth: depth) else { return .missing }
        let places = calls.places(found.index)
        if places.isOnce, depth < ReadOnce.depth {
            once.noteTooNear()
            return .torn
        }
        let (first, second) = (places.first + found.offset, places.second + found.offset)
        guard let words = FrameWords(calls.bytes, first, second, frame, isInnermost: depth == 0) else { return .torn }
        if calls.isCalm { remembered.note(calls.bytes, first, second) }
        return .words(words)
    }

    /// Remembers that the stack ends at `address`, an entry frame from which `frame` was called; `outermost` is the last frame,
    /// that one or the thread's own (3.15). They need not be read again until the areas are weeded: they are written when the
    /// thread enters Python and stay until it leaves. For that to be told, `frame` must be the first of the thread's data stack:
    /// another could be inside a second entry.
    ///
    /// Python/pystate.c `push_chunk`: the first chunk {previous = NULL, size, top} leaves its first word out.
    mutating func endsAt(_ address: RemoteAddress, outermost: RemoteAddress, below frame: RemoteAddress) {
        guard entry == 0, let first = areas.areas.firstIndex(where: { $0.start &+ 32 == frame }),
            calls.word(calls.places(first).first) == 0, calls.word(calls.places(first).second) == 0,
            areas.areas.contains(where: { $0.start == address })
        else { return }
        entry = address
        areas.remove { $0 == address || $0 == outermost }
        isPrepared = false
    }
}
