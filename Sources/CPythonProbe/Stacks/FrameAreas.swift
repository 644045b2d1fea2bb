import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import TargetMemory

/// The parts of the target's memory that hold one thread's frames, read twice in one system call.
///
/// The call gathers, in this order: every area, the thread's state with the pointer to its current frame, and every area
/// again. What was equal in both readings of an area was so at the moment between them when the pointer was read, unless
/// it changed and changed back meanwhile: what that leaves possible, `StackSampler` checks.
///
/// A thread moves by calling and returning, so the frames at its tip change soonest: they are read last before the
/// pointer and first after it. Where that does not do, the reading after the pointer goes from the tip outwards piece by
/// piece, which takes longer in all but catches each frame closer to the pointer (`Manner.restless`).
///
/// Each range of the call takes a third of a microsecond, and before 3.11 each frame is an object somewhere. So a frame far
/// out is read once in the calm manner, after the first reading of the frames within it and before their second: what those
/// agree on was running all the time, and what called it stood still. A thread would have to return through `onceDepth`
/// frames and call them all again meanwhile; so that it can do no more than that, the call must be quick.
///
/// Last of all comes the interpreter's lock, where it keeps none of the rest apart.
///
/// The one place of the sampler that reads raw bytes: they are in `calm`'s or `restless`'s buffer, whose length every
/// access is checked against. Owns its buffers; one thread.
struct FrameAreas: ~Copyable {
    private struct Area {
        var start: RemoteAddress
        var length: Int
        /// How far from the innermost frame its first one was.
        var depth = 0
        /// The walk that used it last.
        var walk = 0
        /// The area of the frame that called the last one found here: most likely it is there again.
        var next = 0
    }

    /// Most bytes of all areas together, once.
    static let byteLimit = 256 << 10
    /// Most areas: each is two ranges of the call.
    static let areaLimit = 480
    /// Bytes between two areas that are rather read than left out: another range takes longer. No whole page may lie between
    /// them, which need not be mapped.
    private static let gap = 2048
    private static let pageBits: UInt64 = 12
    /// How far out a frame must be to be read once, and how long the call may then take: usually it is some 3 µs.
    private static let (onceDepth, onceLimit) = (16, Nanoseconds(30_000))
    /// Frames that are objects change places: preparing the calls anew takes as long as is saved in so many walks, and so
    /// many may be saved up.
    private static let (regroupCost, mostCredit) = (16, 256)
    /// How many ranges at the tip are read in pieces in the restless manner, into how many, and the least bytes of one.
    private static let (tip, pieces, pieceBytes) = (4, 8, 384)

    private let thread: PythonLayout.ThreadFields
    private let frame: PythonLayout.FrameFields
    private let state: RemoteAddress
    /// Where the interpreter's lock keeps its last holder and whether it has it; `nil` when it is not known.
    private let lock: RemoteAddress?
    private static let lockBytes = 16
    /// The thread state that held the lock at the last reading; 0 when none did, or that could not be read.
    private(set) var holder: RemoteAddress = 0
    private var calm: FrameCall
    private var restless: FrameCall
    /// The buffer of the last reading, and its manner.
    private var bytes: UnsafeMutableRawBufferPointer
    private var isCalm = true
    private var readsSomeOnce = false
    private var mayReadOnce = true
    /// Whether the next calm reading is to be prepared anew, by where the last walk found the frames.
    private var regroups = false
    private var credit = FrameAreas.mostCredit
    private var areas: [Area] = []
    private var areaBytes = 0
    /// The newest chunk of the thread's data stack, always one of the areas.
    private var chunk: RemoteAddress = 0
    private var chunkLength = 4096
    /// Most bytes of the chunk that were in use since the areas were weeded.
    private var chunkUsed = 0
    /// 3.11 and 3.12 keep the current frame in a frame of C code.
    private var cframe: RemoteAddress = 0
    /// The entry frame at the outer end of the stack, once it was seen; 0 before.
    private var entry: RemoteAddress = 0
    private var isPrepared = false
    private var (walk, weeding) = (1, 0)
    /// The area that the frame before was in, and the one that the next may be in.
    private var (last, hint) = (0, 0)

    init(state: RemoteAddress, lock: RemoteAddress?, layout: PythonLayout) {
        self.state = state
        self.lock = lock.map { $0 &+ UInt64(layout.lockFields) }
        thread = layout.threadFields
        frame = layout.frameFields
        let room = 2 * (Self.byteLimit + Self.areaLimit * Self.gap) + 4096
        calm = FrameCall(bytes: room)
        restless = FrameCall(bytes: room)
        bytes = calm.gather.buffer
    }

    /// The chunk that is read now, for those who look for frames elsewhere.
    var newestChunk: RemoteAddress { chunk }
    /// How many areas there are.
    var count: Int { areas.count }

    /// Adds an area, unless there is no room.
    mutating func add(_ start: RemoteAddress, length: Int) -> Bool {
        guard areas.count < Self.areaLimit, areaBytes + length <= Self.byteLimit,
            !start.addingReportingOverflow(UInt64(length + Self.gap)).overflow
        else { return false }
        areas.append(Area(start: start, length: length, walk: walk))
        areaBytes += length
        isPrepared = false
        return true
    }

    /// Forgets every area but the newest chunk.
    mutating func forget() {
        entry = 0
        areas.removeAll(keepingCapacity: true)
        areaBytes = 0
        isPrepared = false
        if chunk != 0 { _ = add(chunk, length: chunkLength) }
    }

    /// Forgets the chunk too: the next reading tells where it is.
    mutating func dropChunk() {
        chunk = 0
        cframe = 0
        forget()
    }

    /// Forgets areas that no walk has used since the last weeding, and the end of the chunk if it was not in use.
    mutating func weed() {
        // One page less is worth it: no room is left for more frames until they are seen.
        let needed = max((chunkUsed + 63) & ~63, 1024)
        if chunk != 0, chunkUsed > 0, needed < chunkLength {
            chunkLength = needed
            for index in areas.indices where areas[index].start == chunk { areas[index].length = chunkLength }
            isPrepared = false
        }
        entry = 0
        let before = areas.count
        areas.removeAll { $0.walk <= weeding && $0.start != chunk }
        areaBytes = areas.reduce(0) { $0 + $1.length }
        if areas.count != before { isPrepared = false }
        (mayReadOnce, regroups, credit) = (true, true, Self.mostCredit)
        (weeding, chunkUsed) = (walk, 0)
    }

    /// What a reading gave.
    enum Reading {
        /// The current frame; 0 when the thread runs no Python.
        case frame(RemoteAddress)
        /// The stack has grown, its chunk changed, or the call was held up: read again.
        case moved
        /// An area is not readable any more.
        case unreadable
    }

    /// In which order the second reading goes.
    enum Manner {
        /// Each area at once, and those far out but once.
        case calm
        /// From the tip outwards, piece by piece.
        case restless
    }

    /// Reads everything once, in one system call.
    mutating func read(_ memory: ProcessMemory, _ manner: Manner) throws(RemoteReadError) -> Reading {
        if !isPrepared || regroups && manner == .calm { prepare() }
        let (got, all): (Int, Int)
        isCalm = manner == .calm
        switch manner {
        case .calm:
            bytes = calm.gather.buffer
            let start = readsSomeOnce ? Moment.now() : nil
            (got, all) = (try memory.read(calm.gather), calm.gather.byteCount)
            if let start, .now() - start > Self.onceLimit { return .moved }
        case .restless:
            bytes = restless.gather.buffer
            (got, all) = (try memory.read(restless.gather), restless.gather.byteCount)
        }
        let (state, current, lockPlace) =
            isCalm ? (calm.state, calm.current, calm.lock) : (restless.state, restless.current, restless.lock)
        // A stack needs no lock.
        guard got == all || lock != nil && got == all - Self.lockBytes else { return .unreadable }
        // internal/pycore_gil.h: {last_holder, locked}.
        holder =
            lock != nil && got == all && Int32(truncatingIfNeeded: load(lockPlace + 8)) == 1 ? load(lockPlace) : 0
        walk &+= 1
        if credit < Self.mostCredit { credit += 1 }
        let span = thread.span
        if let offset = thread.stackChunk {
            let now = load(state + offset - span.lowerBound)
            let used = load(state + offset + 8 - span.lowerBound) &- now
            if now != chunk || used > UInt64(chunkLength) {
                // A chunk holds 16 KB at first and doubles; a wild pointer is read as an empty chunk.
                chunkLength = used <= UInt64(Self.byteLimit / 2) ? Self.length(used: Int(used)) : 4096
                (chunk, chunkUsed) = (now, 0)
                forget()
                return .moved
            }
            chunkUsed = max(chunkUsed, Int(used))
        }
        let pointer = load(state + thread.frame - span.lowerBound)
        guard thread.cframeCurrent != nil else { return .frame(pointer) }
        guard pointer == cframe else {
            cframe = pointer
            isPrepared = false
            return .moved
        }
        return .frame(cframe == 0 ? 0 : load(current))
    }

    /// Makes the calm call and looks at nothing that it brings: what a sample costs the kernel alone.
    ///
    /// - Returns: how many ranges it has, and bytes.
    func readAndIgnore(_ memory: ProcessMemory) throws(RemoteReadError) -> (ranges: Int, bytes: Int) {
        (calm.gather.count, try memory.read(calm.gather))
    }

    /// How much of a chunk is read: what is in use, and room for a few frames more.
    private static func length(used: Int) -> Int { (used + 1023) & ~511 }

    private mutating func prepare() {
        areas.sort { $0.start < $1.start }
        for index in areas.indices { areas[index].next = index }
        (last, hint) = (0, 0)
        calm.begin(areas: areas.count)
        restless.begin(areas: areas.count)
        let (groups, areas) = (grouped(), areas)
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
        (isPrepared, regroups) = (true, false)
    }

    /// The areas, which are in the order of their addresses, in as few ranges as is worth it; outermost first.
    private func grouped() -> [FrameCall.Group] {
        let each = areas.indices.map { index in
            FrameCall.Group(
                start: areas[index].start, end: areas[index].start + UInt64(areas[index].length),
                depth: areas[index].depth, isOnce: mayReadOnce && areas[index].depth >= Self.onceDepth,
                members: index..<index + 1)
        }
        let alike = Self.merged(each) { $0.isOnce == $1.isOnce }
        // A little is read twice sooner than it is a range of its own.
        let groups = Self.merged(alike) { min($0.onceLength, $1.onceLength) < Self.gap }
        return groups.sorted { $0.depth > $1.depth }
    }

    /// Neighbours that lie close together as one, where `mayJoin` says so.
    private static func merged(
        _ groups: [FrameCall.Group], _ mayJoin: (FrameCall.Group, FrameCall.Group) -> Bool
    ) -> [FrameCall.Group] {
        var merged: [FrameCall.Group] = []
        for group in groups {
            guard let last = merged.last, group.start <= last.end + UInt64(gap),
                group.start >> pageBits <= ((last.end - 1) >> pageBits) + 1, mayJoin(last, group)
            else {
                merged.append(group)
                continue
            }
            merged[merged.count - 1] = FrameCall.Group(
                start: last.start, end: max(last.end, group.end), depth: min(last.depth, group.depth),
                isOnce: last.isOnce && group.isOnce, members: last.members.lowerBound..<group.members.upperBound)
        }
        return merged
    }

    /// What stands for the owner of a frame that is none of Python's.
    private static let notRunning: UInt8 = 0xFF

    /// A frame found in the areas.
    enum Found {
        /// Its words, equal in both readings.
        case words(previous: RemoteAddress, code: RemoteAddress, instruction: UInt64, owner: UInt8)
        /// The two readings differ.
        case torn
        /// No area holds it.
        case missing
    }

    /// Remembers that the stack ends at `address`, an entry frame from which `frame` was called. It need not be read again
    /// until the areas are weeded: it is written when the thread enters Python and stays until it leaves. For that to be
    /// told, `frame` must be the first of the thread's data stack: another could be inside a second entry.
    ///
    /// Python/pystate.c `push_chunk`: the first chunk {previous = NULL, size, top} leaves its first word out.
    mutating func endsAt(_ address: RemoteAddress, below frame: RemoteAddress) {
        guard entry == 0, let first = areas.firstIndex(where: { $0.start &+ 32 == frame }),
            load(places(first).first) == 0, load(places(first).second) == 0,
            let index = areas.firstIndex(where: { $0.start == address })
        else { return }
        entry = address
        areaBytes -= areas[index].length
        areas.remove(at: index)
        isPrepared = false
    }

    /// Whether an area holds a frame.
    func holds(_ address: RemoteAddress) -> Bool {
        address == entry && entry != 0
            || areas.contains { area in
                let offset = address &- area.start
                return offset < UInt64(area.length) && Int(offset) + frame.size <= area.length
            }
    }

    /// Looks a frame up. The innermost frame's instruction may differ between the readings: it runs.
    ///
    /// The code's lowest bit is set for a frame that C code entered (3.11).
    @inline(__always)
    mutating func find(_ address: RemoteAddress, depth: Int) -> Found {
        if address == entry { return .words(previous: 0, code: 0, instruction: 0, owner: Self.notRunning) }
        let (size, walk, start, previous) = (frame.size, walk, hint, last)
        // Of all areas at once: one check that they are nobody else's, not one for each word.
        let found = areas.withUnsafeMutableBufferPointer { areas -> (index: Int, offset: Int)? in
            var index = start
            for _ in areas.indices {
                if index >= areas.count { index = 0 }
                let offset = address &- areas[index].start
                guard offset < UInt64(areas[index].length), Int(offset) + size <= areas[index].length else {
                    index += 1
                    continue
                }
                if previous < areas.count, areas[previous].next != index { areas[previous].next = index }
                if areas[index].walk != walk { (areas[index].walk, areas[index].depth) = (walk, depth) }
                return (index, Int(offset))
            }
            return nil
        }
        guard let found else { return .missing }
        (last, hint) = (found.index, areas[found.index].next)
        let places = places(found.index)
        if places.isOnce, depth < Self.onceDepth {
            // The walk after this one, which reads everything twice, tells where they are now.
            regroups = true
            credit -= Self.regroupCost
            if credit < 0 { mayReadOnce = false }
            return .torn
        }
        return words(places.first + found.offset, places.second + found.offset, isInnermost: depth == 0)
    }

    @inline(__always)
    private func places(_ index: Int) -> FrameCall.Places { isCalm ? calm.places[index] : restless.places[index] }

    @inline(__always)
    private func words(_ first: Int, _ second: Int, isInnermost: Bool) -> Found {
        precondition(min(first, second) >= 0 && max(first, second) + frame.size <= bytes.count)
        let (one, two) = (
            UnsafeRawBufferPointer(rebasing: bytes[first...]), UnsafeRawBufferPointer(rebasing: bytes[second...])
        )
        let previous = one.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self)
        let code = one.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self)
        guard previous == two.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self),
            code == two.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self)
        else { return .torn }
        let (instruction, again) = (self.instruction(one), self.instruction(two))
        guard instruction == again || isInnermost else { return .torn }
        if let executing = frame.executing, one[executing.offset] != executing.value {
            // The innermost frame may be about to begin, or to leave; any other was used anew.
            guard isInnermost else { return .torn }
            return .words(previous: previous, code: code, instruction: instruction, owner: Self.notRunning)
        }
        let owner = frame.owner.map { one[$0] } ?? 0
        let isEntry = frame.entry.map { one[$0] & 1 } ?? 0
        return .words(
            previous: previous, code: code & ~1 | UInt64(isEntry), instruction: instruction, owner: owner)
    }

    @inline(__always)
    private func instruction(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        frame.isInstructionWide
            ? bytes.loadUnaligned(fromByteOffset: frame.instruction, as: UInt64.self)
            : UInt64(bitPattern: Int64(bytes.loadUnaligned(fromByteOffset: frame.instruction, as: Int32.self)))
    }

    @inline(__always)
    private func load(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= bytes.count)
        return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
