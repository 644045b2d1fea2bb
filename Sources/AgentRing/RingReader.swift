/// Where the bytes of a process's memory come from: a file, or an array in a test.
public protocol RingBytes {
    /// So many bytes from a place on; fewer at the end, and none when they cannot be read.
    mutating func read(at place: Int, count: Int) -> [UInt8]
}

/// Reads one process's memory, again and again: what is new since the last time, and what was missed.
///
/// The agent never waits for a reader, so that a reader that sleeps too long finds records overwritten; it knows exactly how
/// many, because each has a number. Counters are never lost.
struct RingReader<Bytes: RingBytes> {
    /// Records that are as near as this to being overwritten while they are read are given up.
    private var margin: UInt64 { UInt64(min(64, header.layout.records / 8)) }
    /// How often a record that stays half written is looked at again: its thread may have died.
    private static var patience: Int { 20 }

    private var source: Bytes
    private(set) var header: RingHeader
    private var names: [String] = [""]
    private var tail: UInt64 = 0
    private var waits = 0
    /// Records that were overwritten before they were read.
    private(set) var lost = 0

    init?(_ source: Bytes) {
        self.source = source
        guard let header = RingHeader(self.source.read(at: 0, count: RingLayout.headerSize)) else { return nil }
        self.header = header
    }

    /// Whether the first record is still there: everything since the process began can be read.
    var isWhole: Bool { header.head <= UInt64(header.layout.records) }

    /// Leaves out what was written until now: nobody was there to read it.
    mutating func skip() { tail = header.head }

    /// Reads the header again; `false` when it cannot be read any more.
    mutating func refresh() -> Bool {
        guard let header = RingHeader(source.read(at: 0, count: RingLayout.headerSize)),
            header.layout == self.header.layout
        else { return false }
        self.header = header
        return true
    }

    /// The name of a number; empty when there was no room for it.
    mutating func name(_ number: Int) -> String {
        guard number > 0, number < header.layout.names else { return "" }
        if number >= names.count {
            let size = RingLayout.nameSize
            let bytes = source.read(
                at: header.layout.namesAt + names.count * size, count: (number + 1 - names.count) * size)
            for place in stride(from: 0, to: bytes.count - size + 1, by: size) {
                let length = min(Int(bytes.number(at: place, bytes: 2)), size - 2)
                names.append(String(decoding: bytes[(place + 2)..<(place + 2 + length)], as: UTF8.self))
            }
        }
        return number < names.count ? names[number] : ""
    }

    /// The counters in use, a row of 16 cells each.
    mutating func meters() -> [[UInt64]] { rows(at: header.layout.metersAt, count: header.metersUsed) }

    /// The rows of live instances.
    mutating func instances() -> [[UInt64]] {
        rows(at: header.layout.instancesAt, count: header.instancesUsed).filter { $0[0] != 0 && $0[0] == $0[15] }
    }

    private mutating func rows(at place: Int, count: Int) -> [[UInt64]] {
        let bytes = source.read(at: place, count: count * RingLayout.rowSize)
        return (0..<bytes.count / RingLayout.rowSize).map { row in
            (0..<RingLayout.rowCells).map { bytes.cell(at: row * RingLayout.rowSize + $0 * 8) }
        }
    }

    /// The records written since the last call.
    mutating func records() -> [RingRecord] {
        let capacity = UInt64(header.layout.records)
        guard header.head > tail else { return [] }
        if header.head - tail > capacity { lose(header.head - tail - capacity) }
        let first = tail
        let bytes = block(from: first, to: header.head)
        // What the agent wrote meanwhile may have gone over what we were reading.
        guard refresh() else { return [] }
        let safe = header.head + margin > capacity ? header.head + margin - capacity : 0
        var found: [RingRecord] = []
        while tail < first + UInt64(bytes.count / RingLayout.recordSize) {
            let reading = RingRecord.read(bytes, at: Int(tail - first) * RingLayout.recordSize, index: tail)
            switch reading {
            case .record(let record) where tail >= safe:
                found.append(record)
                tail += 1
                waits = 0
            case .pending where waits < Self.patience:
                waits += 1
                return found
            default:
                waits = 0
                lose(1)
            }
        }
        return found
    }

    private mutating func lose(_ count: UInt64) {
        lost = lost.addingReportingOverflow(Int(clamping: count)).partialValue
        tail += count
    }

    /// The bytes of records, in their order: in two pieces where the ring begins anew between them.
    private mutating func block(from first: UInt64, to end: UInt64) -> [UInt8] {
        let capacity = header.layout.records
        let begin = Int(first % UInt64(capacity))
        let count = Int(min(end - first, UInt64(capacity)))
        let before = min(count, capacity - begin)
        let size = RingLayout.recordSize
        let bytes = source.read(at: header.layout.recordsAt + begin * size, count: before * size)
        return bytes.count == before * size && before < count
            ? bytes + source.read(at: header.layout.recordsAt, count: (count - before) * size) : bytes
    }
}
