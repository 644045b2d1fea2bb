import CPythonLayouts
import Glibc
import Observations
import TargetMemory

/// Stacks seen so far, each once, with how often: a sample that was seen before costs a hash and an addition.
///
/// A stack is the words (code, instruction) of its frames, innermost first, after one word that tells the thread and
/// what it did. No allocation for a stack that is known. One thread at a time: the sampler hands a table over when its window
/// ends, and goes on with another.
struct StackTable: ~Copyable, Sendable {
    /// A stack.
    struct Entry: Sendable {
        fileprivate var hash: UInt64
        /// Its words in the arena.
        fileprivate var start: Int
        fileprivate var length: Int
        /// What they mean.
        var trace: StackTrace
        /// How often it was seen since counts were last taken.
        var count: Int
    }

    /// Most stacks, and most words of all of them: 2 MB.
    static let (stackLimit, wordLimit) = (1 << 14, 1 << 18)

    private(set) var entries: [Entry] = []
    /// The code objects that the stacks were made of.
    private(set) var codes: [RemoteAddress: CodeObject] = [:]
    /// Addresses where there was one code object and then another.
    private(set) var reused: Set<RemoteAddress> = []
    /// Whether a loop's thread with this stack waits for events; told once for each stack that is asked about.
    private var waits: [Int: Bool] = [:]
    /// Whether a thread with this stack is inside a bridge call.
    private var bridgeCalls: [Int: Bool] = [:]
    private var arena: [UInt64] = []
    /// Index of the entry in each bucket, or -1. Always more than twice as many buckets as stacks: a probe ends soon.
    private var buckets = [Int32](repeating: -1, count: 1024)

    init() {
        entries.reserveCapacity(256)
        arena.reserveCapacity(1 << 13)
    }

    /// Whether another stack of `count` words would fit.
    func hasRoom(for count: Int) -> Bool {
        entries.count < Self.stackLimit && arena.count + count <= Self.wordLimit
    }

    /// Whether it is time to begin with an empty one: what half of the room is left for is still to come.
    var isCrowded: Bool { !hasRoom(for: Self.wordLimit / 2) || entries.count > Self.stackLimit / 2 }

    /// The words of a stack.
    func words(of entry: Entry) -> ArraySlice<UInt64> { arena[entry.start..<entry.start + entry.length] }

    /// Counts a stack that is known; `outer` is the hash of its outer frames.
    ///
    /// - Returns: its index; `nil` when it is not known.
    mutating func count(_ words: UnsafeBufferPointer<UInt64>, outer: UInt64) -> Int? {
        let index = Int(buckets[bucket(of: words, hash: Self.hash(words, outer: outer))])
        guard index >= 0 else { return nil }
        entries[index].count += 1
        return index
    }

    /// Counts a stack by its index.
    mutating func count(_ index: Int) { entries[index].count += 1 }

    /// Adds a stack that is not known.
    ///
    /// - Returns: its index.
    mutating func add(_ words: UnsafeBufferPointer<UInt64>, _ trace: StackTrace, count: Int = 1) -> Int {
        let hash = Self.hash(words, outer: Self.outerHash(words))
        buckets[bucket(of: words, hash: hash)] = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(hash: hash, start: arena.count, length: words.count, trace: trace, count: count))
        arena.append(contentsOf: words)
        if 2 * entries.count >= buckets.count { makeBuckets(2 * buckets.count) }
        return entries.count - 1
    }

    private mutating func makeBuckets(_ count: Int) {
        buckets = [Int32](repeating: -1, count: count)
        for (index, entry) in entries.enumerated() {
            var bucket = Int(truncatingIfNeeded: entry.hash) & (count - 1)
            while buckets[bucket] >= 0 { bucket = (bucket + 1) & (count - 1) }
            buckets[bucket] = Int32(truncatingIfNeeded: index)
        }
    }

    /// Notes a code object that the next stack is made of.
    mutating func note(_ code: CodeObject) {
        if let known = codes.updateValue(code, forKey: code.address), known !== code { reused.insert(code.address) }
    }

    /// Adds a stack of another table with what is known of it, so far not counted in this one.
    ///
    /// - Returns: its index.
    mutating func adopt(_ index: Int, of other: borrowing StackTable) -> Int {
        let entry = other.entries[index]
        return other.words(of: entry).withUnsafeBufferPointer { words in
            let bucket = bucket(of: words, hash: entry.hash)
            if buckets[bucket] >= 0 { return Int(buckets[bucket]) }
            for place in stride(from: 1, to: words.count, by: 2) {
                if let code = other.codes[words[place] & ~1] { note(code) }
            }
            return add(words, entry.trace, count: 0)
        }
    }

    /// Whether a thread with this stack runs no turn of a loop.
    mutating func isWaiting(_ index: Int) -> Bool {
        if let known = waits[index] { return known }
        let isWaiting = entries[index].trace.turn?.isEmpty ?? true
        waits[index] = isWaiting
        return isWaiting
    }

    /// Whether a thread with this stack is inside a call of a sync bridge.
    mutating func isBridgeCall(_ index: Int) -> Bool {
        if let known = bridgeCalls[index] { return known }
        let isInside = entries[index].trace.isBridgeCall
        bridgeCalls[index] = isInside
        return isInside
    }

    /// The bucket that has a stack, or the empty one for it.
    private func bucket(of words: UnsafeBufferPointer<UInt64>, hash: UInt64) -> Int {
        var bucket = Int(truncatingIfNeeded: hash) & (buckets.count - 1)
        while buckets[bucket] >= 0 {
            let index = Int(buckets[bucket])
            if entries[index].hash == hash, entries[index].length == words.count, isSame(entries[index], words) {
                break
            }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
        return bucket
    }

    /// The share of the samples of a thread, by the number that `isOf` knows, in which it ran, or its loop was in the middle
    /// of a turn: blocked, say.
    mutating func busyShare(isOf: (UInt64) -> Bool) -> Double? {
        var (busy, all) = (0, 0)
        for index in entries.indices where entries[index].count > 0 {
            let tag = arena[entries[index].start]
            guard isOf(tag >> 2) else { continue }
            all += entries[index].count
            if tag & 1 == 0 || !isWaiting(index) { busy += entries[index].count }
        }
        return all == 0 ? nil : Double(busy) / Double(all)
    }

    /// Sets all counts to 0; the stacks stay known.
    mutating func clearCounts() {
        for index in entries.indices { entries[index].count = 0 }
    }

    /// Forgets everything, keeping the memory.
    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
        codes.removeAll()
        reused.removeAll()
        waits.removeAll()
        bridgeCalls.removeAll()
        for index in buckets.indices { buckets[index] = -1 }
    }

    /// Makes room for the next window: counts begin at nothing, and a table that is half full is emptied.
    mutating func renew() {
        if isCrowded || !reused.isEmpty { removeAll() } else { clearCounts() }
    }

    private func isSame(_ entry: Entry, _ words: UnsafeBufferPointer<UInt64>) -> Bool {
        arena.withUnsafeBytes { arena in
            guard let known = arena.baseAddress, let new = words.baseAddress else { return words.isEmpty }
            return memcmp(known + 8 * entry.start, new, 8 * words.count) == 0
        }
    }

    /// Words of a stack that change when all but the innermost frame stand still: the first one and that frame's.
    private static let innerWords = 3

    /// The hash of all frames but the innermost: most stacks are the one before, seen a few instructions later.
    static func outerHash(_ words: UnsafeBufferPointer<UInt64>) -> UInt64 {
        words.dropFirst(innerWords).reduce(0x9E37_79B9_7F4A_7C15, mixed)
    }

    @inline(__always)
    private static func hash(_ words: UnsafeBufferPointer<UInt64>, outer: UInt64) -> UInt64 {
        words.prefix(innerWords).reduce(outer, mixed)
    }

    @inline(__always)
    private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
        return product ^ product >> 29
    }
}
