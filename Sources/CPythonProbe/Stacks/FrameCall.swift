import RemoteProcess
import TargetMemory

/// One system call of `FrameCalls`, prepared once and made again and again, with where in its buffer everything lands.
///
/// Owns its buffer; one thread.
struct FrameCall: ~Copyable {
    /// Neighbouring areas, which one range reads.
    struct Group {
        var start: RemoteAddress
        var end: RemoteAddress
        /// How far from the innermost frame the innermost one of it was.
        var depth: Int
        /// Whether one reading of it will do.
        var isOnce: Bool
        /// The areas, in the order of their addresses.
        var members: Range<Int>

        var length: Int { Int(end - start) }
        /// Bytes that reading it once saves; a group that is read twice has no such.
        var onceLength: Int { isOnce ? length : .max }
    }

    /// Where the two readings of an area begin in the buffer; the same place when there is one.
    struct Places {
        var first = 0
        var second = 0

        var isOnce: Bool { first == second }
    }

    private(set) var gather: GatherRead
    /// Of each area.
    private(set) var places: [Places] = []
    /// Of the thread's state, of the frame of C code that points to its current one, and of the interpreter's lock.
    private(set) var (state, current, lock) = (0, 0, 0)

    /// Room for so many bytes.
    init(bytes: Int) { gather = GatherRead(ranges: GatherRead.maximumRanges, bytes: bytes) }

    /// Forgets what was prepared, for so many areas.
    mutating func begin(areas: Int) {
        gather.removeAll()
        places.removeAll(keepingCapacity: true)
        for _ in 0..<areas { places.append(Places()) }
    }

    /// The first reading of a group, or its only one.
    mutating func appendFirst(_ group: Group, _ starts: (Int) -> RemoteAddress) {
        let offset = append(group.start, count: group.length)
        for index in group.members {
            let place = offset + Int(starts(index) - group.start)
            places[index] = Places(first: place, second: place)
        }
    }

    /// The second reading of a group, from its end to its start in so many pieces.
    mutating func appendSecond(_ group: Group, pieces: Int = 1) {
        let offset = append(group.start, count: group.length, pieces: pieces)
        guard let first = group.members.first.map({ places[$0].first }) else { return }
        for index in group.members { places[index].second = offset + places[index].first - first }
    }

    /// The thread's state, and where its C frame keeps the current one.
    mutating func appendState(_ address: RemoteAddress, count: Int, current word: RemoteAddress?) {
        state = append(address, count: count)
        if let word { current = append(word, count: 8) }
    }

    /// The interpreter's lock.
    mutating func appendLock(_ address: RemoteAddress, count: Int) { lock = append(address, count: count) }

    private mutating func append(_ start: RemoteAddress, count: Int, pieces: Int = 1) -> Int {
        // There is room: `FrameAreaList.add` sees to it.
        gather.append(start, count: count, pieces: pieces) ?? 0
    }
}
