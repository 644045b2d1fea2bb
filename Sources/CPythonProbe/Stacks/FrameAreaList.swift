import TargetMemory

/// Which parts of the target's memory hold frames of one thread, so far as walks of its stack have found out, and which of
/// them are still of use.
///
/// Pure: it knows addresses and no bytes.
struct FrameAreaList {
    /// A part that holds frames.
    struct Area {
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

    private(set) var areas: [Area] = []
    private var bytes = 0
    private var (walk, weeding) = (1, 0)
    /// The area that the frame before was in, and the one that the next may be in.
    private var (last, hint) = (0, 0)

    var count: Int { areas.count }

    subscript(index: Int) -> Area { areas[index] }

    /// Adds an area, unless there is no room.
    mutating func add(_ start: RemoteAddress, length: Int) -> Bool {
        guard areas.count < Self.areaLimit, bytes + length <= Self.byteLimit,
            !start.addingReportingOverflow(UInt64(length + FrameCall.Group.gap)).overflow
        else { return false }
        areas.append(Area(start: start, length: length, walk: walk))
        bytes += length
        return true
    }

    /// Forgets areas by where they begin.
    mutating func remove(_ isToGo: (RemoteAddress) -> Bool) {
        areas.removeAll { isToGo($0.start) }
        bytes = areas.reduce(0) { $0 + $1.length }
    }

    /// Forgets all.
    mutating func removeAll() {
        areas.removeAll(keepingCapacity: true)
        bytes = 0
    }

    /// The area at `start` is `length` bytes from now on.
    mutating func resize(areaAt start: RemoteAddress, to length: Int) {
        for index in areas.indices where areas[index].start == start { areas[index].length = length }
    }

    /// Forgets areas that no walk has used since the last weeding, but for the one at `kept`.
    ///
    /// - Returns: whether there were any.
    mutating func weed(keeping kept: RemoteAddress) -> Bool {
        let before = areas.count
        areas.removeAll { $0.walk <= weeding && $0.start != kept }
        bytes = areas.reduce(0) { $0 + $1.length }
        weeding = walk
        return areas.count != before
    }

    /// Puts the areas into the order of their addresses, for a call that is prepared.
    mutating func sort() {
        areas.sort { $0.start < $1.start }
        for index in areas.indices { areas[index].next = index }
        (last, hint) = (0, 0)
    }

    /// A walk of the stack begins.
    mutating func beginWalk() { walk &+= 1 }

    /// Whether an area holds `size` bytes at `address`.
    func holds(_ address: RemoteAddress, size: Int) -> Bool {
        areas.contains { area in
            let offset = address &- area.start
            return offset < UInt64(area.length) && Int(offset) + size <= area.length
        }
    }

    /// The index of the area that holds `size` bytes at `address`, and where in it they are; `depth`: how far from the innermost
    /// frame the walk has come. `nil` when none does.
    @inline(__always)
    mutating func find(_ address: RemoteAddress, size: Int, depth: Int) -> (index: Int, offset: Int)? {
        let (walk, start, previous) = (walk, hint, last)
        // Of all areas at once: one check that they are nobody else's, not one for each word.
        let found = areas.withUnsafeMutableBufferPointer { areas -> (index: Int, offset: Int, next: Int)? in
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
                return (index, Int(offset), areas[index].next)
            }
            return nil
        }
        guard let found else { return nil }
        (last, hint) = (found.index, found.next)
        return (found.index, found.offset)
    }
}
