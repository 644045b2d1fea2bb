/// Tells which parts of the target's memory are as they were: a hash of each block of 1 KB, and when it last differed.
///
/// Facts read out of memory stay true for as long as the bytes they were read from stay the same. Keeping the bytes would
/// take as much memory as the target's; 8 bytes of each thousand do as well. Two contents have the same hash by chance once
/// in 2^64 times; a target that arranges for it deceives nobody but its own user.
///
/// Not `Sendable`: one walker, one thread.
final class GranuleVersions {
    static var block: Int { 1 << 10 }
    /// Blocks of a granule.
    static var blocks: Int { GranuleTable.granule / block }
    /// Most granules that are known: 2 GB of the target.
    private static let limit = 1 << 17

    /// What is known of a granule.
    private struct Record {
        /// Its address >> 14.
        var key: UInt64
        /// When a block of it last differed.
        var latest: UInt32 = 0
        /// Its blocks that were looked at in this round, as bits; and those that will be of use in this round and the next.
        var fresh: UInt32 = 0
        var wanted: UInt32 = 0
        var wantedNext: UInt32 = 0
    }

    // One thread, and no closure that comes back here: exclusivity need not be checked.
    @exclusivity(unchecked) private var records: [Record] = []
    @exclusivity(unchecked) private var hashes: [UInt64] = []
    @exclusivity(unchecked) private var changes: [UInt32] = []
    private var places: [UInt64: UInt32] = [:]
    /// Grows with each difference that is found.
    private(set) var stamp: UInt32 = 0
    /// Grows when all records are forgotten: what was noted of them is void.
    private(set) var epoch: UInt32 = 0

    /// From now on every block is to be looked at again before it is known to be unchanged.
    func beginRound() {
        for index in records.indices {
            records[index].fresh = 0
            records[index].wanted = records[index].wantedNext
            records[index].wantedNext = 0
        }
    }

    /// Notes the bytes of a granule as they are now.
    ///
    /// - Returns: the number of its record.
    func note(_ key: UInt64, _ bytes: UnsafeRawBufferPointer, readable: UInt32) -> UInt32 {
        let record = record(of: key)
        for block in 0..<Self.blocks {
            let isReadable = readable >> UInt32(block * Self.block / GranuleTable.page) & 1 == 1
            let start = block * Self.block
            note(
                Int(record), block,
                // A page that cannot be read has no content.
                isReadable ? Self.hash(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + Self.block)])) : 0)
        }
        return record
    }

    private func note(_ record: Int, _ block: Int, _ hash: UInt64) {
        records[record].fresh |= 1 << UInt32(block)
        let place = record * Self.blocks + block
        guard hashes[place] != hash else { return }
        hashes[place] = hash
        stamp &+= 1
        changes[place] = stamp
        records[record].latest = stamp
    }

    private func record(of key: UInt64) -> UInt32 {
        if let known = places[key] { return known }
        if records.count >= Self.limit { forget() }
        let record = UInt32(records.count)
        places[key] = record
        records.append(Record(key: key))
        hashes.append(contentsOf: repeatElement(0, count: Self.blocks))
        changes.append(contentsOf: repeatElement(0, count: Self.blocks))
        return record
    }

    private func forget() {
        epoch &+= 1
        places.removeAll()
        records.removeAll()
        hashes.removeAll()
        changes.removeAll()
    }

    /// The granule to be read before `isUnchanged` can tell; `nil` when its blocks were looked at in this round.
    func missing(_ part: Footprint.Part) -> UInt64? {
        let record = records[Int(part.record)]
        return part.blocks & ~record.fresh == 0 ? nil : record.key
    }

    /// Whether the blocks of a part have not differed since `stamp`; they will be wanted in the next round too.
    func isUnchanged(_ part: Footprint.Part, since stamp: UInt32) -> Bool {
        let index = Int(part.record)
        records[index].wantedNext |= part.blocks
        if records[index].latest <= stamp { return true }
        for block in 0..<Self.blocks where part.blocks >> UInt32(block) & 1 == 1 {
            if changes[index * Self.blocks + block] > stamp { return false }
        }
        return true
    }

    /// Blocks that lie side by side in a granule.
    struct Run {
        fileprivate var record: Int
        fileprivate var blocks: Range<Int>
        fileprivate var key: UInt64

        var range: MemoryRange {
            MemoryRange(
                address: key << 14 + UInt64(blocks.lowerBound * GranuleVersions.block),
                count: UInt64(blocks.count * GranuleVersions.block))
        }
    }

    /// What is wanted in this round, in the order of finding.
    func forEachWanted(_ body: (Run) throws(RemoteReadError) -> Void) throws(RemoteReadError) {
        for index in records.indices {
            var rest = records[index].wanted
            while rest != 0 {
                let first = rest.trailingZeroBitCount
                let count = (~(rest >> UInt32(first))).trailingZeroBitCount
                rest &= ~(((1 << UInt32(count)) &- 1) << UInt32(first))
                try body(Run(record: index, blocks: first..<(first + count), key: records[index].key))
            }
        }
    }

    /// Notes the bytes of a run as they are now.
    func note(_ run: Run, _ bytes: UnsafeRawBufferPointer) {
        for (place, block) in run.blocks.enumerated() {
            let start = place * Self.block
            note(run.record, block, Self.hash(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + Self.block)])))
        }
    }

    /// A hash of a block. Each step multiplies two words whole and folds the product, so that all bits reach all (the step
    /// of wyhash, by Wang Yi); two chains of steps, since one would wait for itself.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let words = bytes.bindMemory(to: UInt64.self)
        var (first, second): (UInt64, UInt64) = (0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB)
        for place in stride(from: 0, to: words.count & ~3, by: 4) {
            first = fold(words[place] ^ 0x8EBC_6AF0_9C88_C6E3, words[place + 1] ^ first)
            second = fold(words[place + 2] ^ 0x5899_65CC_7537_4CC3, words[place + 3] ^ second)
        }
        return fold(first ^ 0x1D8E_4E27_C47D_124F, second)
    }

    @inline(__always)
    private static func fold(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let product = one.multipliedFullWidth(by: other)
        return product.high ^ product.low
    }
}

/// Which blocks of memory a walk has read, and how they were then.
public struct Footprint: Sendable {
    /// Blocks of one granule.
    struct Part: Sendable {
        var record: UInt32
        /// One bit for each.
        var blocks: UInt32
    }

    var parts: [Part]
    var stamp: UInt32
    var epoch: UInt32
}
