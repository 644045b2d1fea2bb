import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// The parts of the target's memory that hold one thread's frames, read twice in one system call.
///
/// The call gathers, in this order: the pointer to the current frame, every area, the thread's state with that pointer
/// again, and every area again. What was equal in both readings of an area was so at the moment between them when the
/// pointer was read the second time: a stack walked over such words alone existed at that moment. The first reading of
/// the pointer keeps out a thread that came back: that was in a loop before, in a function it calls at the moment,
/// and at the same place of its loop after.
///
/// The one place of the sampler that reads raw bytes: they are in `gather`'s buffer, whose length every access is
/// checked against. Owns its buffers; one thread.
struct FrameAreas: ~Copyable {
    private struct Area {
        var start: RemoteAddress
        var length: Int
        /// Where its two readings begin in the buffer.
        var first = 0
        var second = 0
        /// How far from the innermost frame its last one was.
        var depth = 0
        /// Used since the areas were last weeded.
        var isUsed = true
    }

    /// Most bytes of all areas together, once.
    static let byteLimit = 256 << 10
    /// Most areas: each is two ranges of the call.
    static let areaLimit = 480

    private let thread: PythonLayout.ThreadFields
    private let frame: PythonLayout.FrameFields
    private let state: RemoteAddress
    private var gather = GatherRead(ranges: GatherRead.maximumRanges, bytes: 2 * byteLimit + 4096)
    private var areas: [Area] = []
    private var areaBytes = 0
    /// The newest chunk of the thread's data stack, always the first area.
    private var chunk: RemoteAddress = 0
    private var chunkLength = 4096
    /// 3.11 and 3.12 keep the current frame in a frame of C code.
    private var cframe: RemoteAddress = 0
    private var stateOffset = 0
    private var beforeOffset = 0
    private var currentOffset = 0
    private var isPrepared = false
    /// How long a reading takes on an ordinary machine, in nanoseconds.
    private var expected = 3_000.0
    /// How much longer the quickest take here.
    private var slowness = 1.0
    private var quickest = Double.infinity
    private var readings = 0
    /// Readings after which the machine is judged anew.
    private static let span = 64

    init(state: RemoteAddress, layout: PythonLayout) {
        self.state = state
        thread = layout.threadFields
        frame = layout.frameFields
    }

    /// The chunk that is read now, for those who look for frames elsewhere.
    var newestChunk: RemoteAddress { chunk }
    /// How many areas there are.
    var count: Int { areas.count }

    /// Adds an area, unless there is no room.
    mutating func add(_ start: RemoteAddress, length: Int) -> Bool {
        guard areas.count < Self.areaLimit, areaBytes + length <= Self.byteLimit else { return false }
        areas.append(Area(start: start, length: length))
        areaBytes += length
        isPrepared = false
        return true
    }

    /// Forgets every area but the newest chunk.
    mutating func forget() {
        areas.removeAll(keepingCapacity: true)
        areaBytes = 0
        isPrepared = false
        if chunk != 0 { _ = add(chunk, length: chunkLength) }
    }

    /// Forgets areas that no walk has used since the last weeding.
    mutating func weed() {
        let before = areas.count
        areas.removeAll { !$0.isUsed && $0.start != chunk }
        areaBytes = areas.reduce(0) { $0 + $1.length }
        for index in areas.indices { areas[index].isUsed = false }
        if areas.count != before { isPrepared = false }
    }

    /// What a reading gave.
    enum Reading {
        /// The current frame; 0 when the thread runs no Python.
        case frame(RemoteAddress)
        /// The stack has grown, its chunk changed, or the reading took so long that the thread may have gone and come
        /// back meanwhile: read again.
        case moved
        /// An area is not readable any more.
        case unreadable
    }

    /// Reads everything once, in one system call.
    mutating func read(_ memory: ProcessMemory) throws(RemoteReadError) -> Reading {
        if !isPrepared { prepare() }
        let start = Moment.now()
        guard try memory.read(gather) == gather.byteCount else { return .unreadable }
        guard isQuick(Moment.now() - start) else { return .moved }
        let span = thread.span
        if let offset = thread.stackChunk {
            let now = load(stateOffset + offset - span.lowerBound)
            let top = load(stateOffset + offset + 8 - span.lowerBound)
            if now != chunk || top &- chunk > UInt64(chunkLength) {
                follow(chunk: now, top: top)
                return .moved
            }
        }
        let pointer = load(stateOffset + thread.frame - span.lowerBound)
        guard thread.cframeCurrent != nil else {
            return pointer == load(beforeOffset) ? .frame(pointer) : .moved
        }
        guard pointer == cframe else {
            cframe = pointer
            isPrepared = false
            return .moved
        }
        guard cframe != 0 else { return .frame(0) }
        let current = load(currentOffset)
        return current == load(beforeOffset) ? .frame(current) : .moved
    }

    /// Whether a reading was not held up between its parts: by another process, or a page that was not at hand.
    ///
    /// The measure is what the call takes on an ordinary machine; where even the quickest of many readings takes
    /// longer, it is that one.
    private mutating func isQuick(_ length: Nanoseconds) -> Bool {
        let share = Double(length.count) / expected
        quickest = min(quickest, share)
        readings += 1
        if readings == Self.span {
            slowness = max(1, quickest)
            (quickest, readings) = (.infinity, 0)
        }
        return share <= 1.5 * slowness
    }

    private mutating func follow(chunk now: RemoteAddress, top: RemoteAddress) {
        let used = top &- now
        // A chunk holds 16 KB at first and doubles; a wild pointer is read as an empty chunk.
        let wanted = used <= UInt64(Self.byteLimit / 2) ? Int(used) + 512 : 4096
        if now != chunk {
            chunkLength = max(wanted & ~511 + 512, 1024)
        } else {
            chunkLength = (wanted + 511) & ~511
        }
        chunk = now
        forget()
    }

    private mutating func prepare() {
        gather.removeAll()
        // While the C frame is not known yet, any readable word does.
        let known = cframe == 0 ? nil : thread.cframeCurrent.map { cframe &+ UInt64($0) }
        let current = known ?? state &+ UInt64(thread.frame)
        beforeOffset = gather.append(current, count: 8) ?? 0
        // The inner frames change most: they are read last before the pointer and first after it.
        let order = areas.indices.sorted { areas[$0].depth < areas[$1].depth }
        for index in order.reversed() {
            areas[index].first = gather.append(areas[index].start, count: areas[index].length) ?? 0
        }
        stateOffset = gather.append(state &+ UInt64(thread.span.lowerBound), count: thread.span.count) ?? 0
        if thread.cframeCurrent != nil { currentOffset = gather.append(current, count: 8) ?? 0 }
        for index in order {
            areas[index].second = gather.append(areas[index].start, count: areas[index].length) ?? 0
        }
        // About 0.4 µs a range, and the copying.
        expected = 1_000 + 400 * Double(gather.count) + Double(gather.byteCount) / 10
        isPrepared = true
    }

    /// A frame found in the areas.
    enum Found {
        /// Its words, equal in both readings.
        case words(previous: RemoteAddress, code: RemoteAddress, instruction: UInt64, owner: UInt8)
        /// The two readings differ.
        case torn
        /// No area holds it.
        case missing
    }

    /// Whether an area holds a frame.
    func holds(_ address: RemoteAddress) -> Bool {
        areas.contains { area in
            let offset = address &- area.start
            return offset < UInt64(area.length) && Int(offset) + frame.size <= area.length
        }
    }

    /// Looks a frame up. The innermost frame's instruction may differ between the readings: it runs.
    @inline(__always)
    mutating func find(_ address: RemoteAddress, depth: Int) -> Found {
        for index in areas.indices {
            let offset = address &- areas[index].start
            guard offset < UInt64(areas[index].length), Int(offset) + frame.size <= areas[index].length else {
                continue
            }
            areas[index].isUsed = true
            areas[index].depth = depth
            let (first, second) = (areas[index].first + Int(offset), areas[index].second + Int(offset))
            let previous = load(first + frame.previous)
            let code = load(first + frame.code)
            let instruction =
                frame.isInstructionWide ? load(first + frame.instruction) : narrow(first + frame.instruction)
            let again =
                frame.isInstructionWide ? load(second + frame.instruction) : narrow(second + frame.instruction)
            guard previous == load(second + frame.previous), code == load(second + frame.code),
                instruction == again || depth == 0
            else { return .torn }
            if let executing = frame.executing, gather.buffer[first + executing.offset] != executing.value {
                return .torn
            }
            let owner = frame.owner.map { gather.buffer[first + $0] } ?? 0
            return .words(previous: previous, code: code, instruction: instruction, owner: owner)
        }
        return .missing
    }

    @inline(__always)
    private func load(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= gather.buffer.count)
        return gather.buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    private func narrow(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 4 <= gather.buffer.count)
        return UInt64(bitPattern: Int64(gather.buffer.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
    }
}

extension FrameAreas {
    /// Forgets the chunk too: the next reading tells where it is.
    mutating func dropChunk() {
        chunk = 0
        cframe = 0
        forget()
    }
}
