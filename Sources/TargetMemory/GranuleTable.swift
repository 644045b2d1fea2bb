/// The granules that a `PageSnapshot` holds: a table by address, and their bytes.
///
/// Apart from the snapshot because that is generic: what runs at every read is compiled once, for all sources.
/// Not `Sendable`: one walker, one thread.
@usableFromInline
final class GranuleTable {
    /// A granule that is held.
    @usableFromInline struct Entry {
        /// Which part of the arena it has.
        @usableFromInline var slot: UInt32
        /// Its 4 KB pages that could be read, as bits 0 to 3.
        @usableFromInline var readable: UInt32
        /// Its number among `GranuleVersions`, where those are kept.
        @usableFromInline var record: UInt32
    }

    /// A granule, and which of its blocks of 1 KB were read since it was turned to, as bits 0 to 15.
    @usableFromInline struct Recent {
        @usableFromInline var key: UInt64
        @usableFromInline var entry: Entry
        @usableFromInline var touched: UInt32
    }

    /// What came of a read.
    enum Outcome {
        /// The buffer is filled.
        case done
        /// This granule (address >> 14) must be fetched first.
        case missing(UInt64)
        /// A page of the range is known to be unreadable.
        case unreadable
    }

    @usableFromInline static var granule: Int { 1 << 14 }
    static var page: Int { 1 << 12 }
    /// The key of no granule: keys have 50 bits.
    static var vacant: UInt64 { .max }

    /// The bytes of all slots. Untouched slots take no memory. Owned here, as the other three; freed in `deinit`.
    @usableFromInline let arena: UnsafeMutableRawPointer
    /// The granule that the last read was in: most reads are in the one of the read before. Behind a pointer, since a
    /// stored property costs a check of exclusive access at every read.
    @usableFromInline let last: UnsafeMutablePointer<Recent>
    /// Granules held.
    private(set) var used = 0
    /// How often all was forgotten.
    private(set) var resets = 0
    /// What was read since `beginFootprint`, each granule once, where somebody wants to know.
    private var footprint: [Footprint.Part] = []
    private var isNoting = false

    /// Address >> 14 of the granule in each bucket, or `vacant`. Open addressing, linear probing; twice as many buckets
    /// as slots at least, so that a probe always ends.
    private let keys: UnsafeMutablePointer<UInt64>
    private let entries: UnsafeMutablePointer<Entry>
    private let bucketMask: Int
    private let slots: Int

    private static var nothing: Entry { Entry(slot: 0, readable: 0, record: 0) }

    /// A table of at most `limit` bytes: at least one granule, at most 16 GB.
    init(limit: Int) {
        slots = min(max(limit / Self.granule, 1), 1 << 20)
        var buckets = 4
        while buckets < 2 * slots { buckets *= 2 }
        bucketMask = buckets - 1
        keys = .allocate(capacity: buckets)
        keys.initialize(repeating: Self.vacant, count: buckets)
        entries = .allocate(capacity: buckets)
        entries.initialize(repeating: Self.nothing, count: buckets)
        last = .allocate(capacity: 1)
        last.initialize(to: Recent(key: Self.vacant, entry: Self.nothing, touched: 0))
        arena = .allocate(byteCount: slots * Self.granule, alignment: 4096)
    }

    deinit {
        last.deallocate()
        keys.deallocate()
        entries.deallocate()
        arena.deallocate()
    }

    func reset() {
        // What was noted is void; and a walk through all of memory would note thousands of granules, each looked up.
        isNoting = false
        keys.update(repeating: Self.vacant, count: bucketMask + 1)
        last.pointee.key = Self.vacant
        used = 0
        resets += 1
    }

    /// Notes what is read from now on.
    func beginFootprint() {
        footprint.removeAll()
        isNoting = true
        last.pointee.touched = 0
    }

    /// What was read since.
    func takeFootprint() -> [Footprint.Part] {
        noteLast()
        isNoting = false
        return footprint
    }

    /// Adds what was read of the granule that was turned to last.
    private func noteLast() {
        guard isNoting, last.pointee.touched != 0 else { return }
        let part = Footprint.Part(record: last.pointee.entry.record, blocks: last.pointee.touched)
        last.pointee.touched = 0
        // A walk reads a few granules, in turns.
        for index in footprint.indices.reversed() where footprint[index].record == part.record {
            footprint[index].blocks |= part.blocks
            return
        }
        footprint.append(part)
    }

    /// The blocks of a granule that a range is in, as bits.
    @inlinable static func blocks(_ offset: Int, _ count: Int) -> UInt32 {
        (2 << UInt32(truncatingIfNeeded: (offset + count - 1) >> 10)) &- (1 << UInt32(truncatingIfNeeded: offset >> 10))
    }

    /// Fills `buffer`, from its byte `done` on, from the granules held; `done` says how far it came, so that a range of
    /// more granules than there is room for ends too. The range does not wrap around.
    func read(
        at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer, from done: inout Int
    ) -> Outcome {
        guard let start = buffer.baseAddress else { return .done }
        while done < buffer.count {
            let here = address + UInt64(done)
            let offset = Int(here & UInt64(Self.granule - 1))
            let count = min(Self.granule - offset, buffer.count - done)
            guard let entry = find(here >> 14) else { return .missing(here >> 14) }
            if entry.readable != 0b1111 {
                for page in (offset / Self.page)...((offset + count - 1) / Self.page)
                where entry.readable & (1 << page) == 0 {
                    // That it cannot be read was read, too.
                    last.pointee.touched |= Self.blocks(offset, count)
                    return .unreadable
                }
            }
            last.pointee.touched |= Self.blocks(offset, count)
            (start + done).copyMemory(
                from: arena + (Int(entry.slot) * Self.granule + offset), byteCount: count)
            done += count
        }
        return .done
    }

    /// Makes room for a granule that is not held, forgetting all when full; its bytes go where it says.
    func makeRoom() -> UnsafeMutableRawBufferPointer {
        if used == slots { reset() }
        return UnsafeMutableRawBufferPointer(start: arena + used * Self.granule, count: Self.granule)
    }

    /// Keeps the granule whose bytes were put where `makeRoom` said.
    func keep(_ key: UInt64, readable: UInt32, record: UInt32) {
        var bucket = home(of: key)
        while keys[bucket] != Self.vacant { bucket = (bucket + 1) & bucketMask }
        keys[bucket] = key
        entries[bucket] = Entry(slot: UInt32(used), readable: readable, record: record)
        used += 1
    }

    private func find(_ key: UInt64) -> Entry? {
        if key == last.pointee.key { return last.pointee.entry }
        var bucket = home(of: key)
        while keys[bucket] != key {
            if keys[bucket] == Self.vacant { return nil }
            bucket = (bucket + 1) & bucketMask
        }
        noteLast()
        last.pointee = Recent(key: key, entry: entries[bucket], touched: 0)
        return entries[bucket]
    }

    private func home(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & bucketMask
    }
}
