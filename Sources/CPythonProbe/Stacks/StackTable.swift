import Observations

/// Stacks seen so far, each once, with how often: a sample that was seen before costs a hash and an addition.
///
/// A stack is the words (code, instruction) of its frames, innermost first, after one word that tells the thread and
/// what it did. No allocation for a stack that is known. One thread.
struct StackTable {
    /// A stack.
    struct Entry {
        fileprivate var hash: UInt64
        /// Its words in the arena.
        fileprivate var start: Int
        fileprivate var length: Int
        /// What they mean.
        var trace: StackTrace
        /// How often it was seen since counts were last taken.
        var count: Int
    }

    /// Most stacks, and most words of all of them.
    static let (stackLimit, wordLimit) = (1 << 15, 1 << 19)

    private(set) var entries: [Entry] = []
    private var arena: [UInt64] = []
    /// Index of the entry in each bucket, or -1. Twice as many buckets as stacks: a probe always ends.
    private var buckets = [Int32](repeating: -1, count: 2 * StackTable.stackLimit)

    init() {
        entries.reserveCapacity(1024)
        arena.reserveCapacity(1 << 16)
    }

    /// Whether another stack of `count` words would fit.
    func hasRoom(for count: Int) -> Bool {
        entries.count < Self.stackLimit && arena.count + count <= Self.wordLimit
    }

    /// The words of a stack.
    func words(of entry: Entry) -> ArraySlice<UInt64> { arena[entry.start..<entry.start + entry.length] }

    /// Counts a stack that is known.
    ///
    /// - Returns: its index; `nil` when it is not known.
    mutating func count(_ words: UnsafeBufferPointer<UInt64>) -> Int? {
        let index = Int(buckets[bucket(of: words, hash: Self.hash(words))])
        guard index >= 0 else { return nil }
        entries[index].count += 1
        return index
    }

    /// Adds a stack that is not known, with a count of 1.
    ///
    /// - Returns: its index.
    mutating func add(_ words: UnsafeBufferPointer<UInt64>, _ trace: StackTrace) -> Int {
        let hash = Self.hash(words)
        buckets[bucket(of: words, hash: hash)] = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(hash: hash, start: arena.count, length: words.count, trace: trace, count: 1))
        arena.append(contentsOf: words)
        return entries.count - 1
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

    /// Sets all counts to 0; the stacks stay known.
    mutating func clearCounts() {
        for index in entries.indices { entries[index].count = 0 }
    }

    /// Forgets everything, keeping the memory.
    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
        for index in buckets.indices { buckets[index] = -1 }
    }

    private func isSame(_ entry: Entry, _ words: UnsafeBufferPointer<UInt64>) -> Bool {
        for index in 0..<words.count where arena[entry.start + index] != words[index] { return false }
        return true
    }

    private static func hash(_ words: UnsafeBufferPointer<UInt64>) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for word in words {
            hash = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
            hash ^= hash >> 29
        }
        return hash
    }
}
