import AgentRing

/// A process's memory as the agent writes it, small.
struct Memory: RingBytes, Sendable {
    static let (names, meters, instances, records) = (16, 8, 8, 8)
    private static let (namesAt, metersAt) = (4096, 4096 + 16 * 256)
    private static let (instancesAt, recordsAt) = (metersAt + 8 * 128, metersAt + 16 * 128)

    private(set) var bytes = [UInt8](repeating: 0, count: recordsAt + 8 * 48)

    init(pid: UInt64 = 7, start: UInt64 = 1000) {
        bytes.replaceSubrange(0..<8, with: Array("LSAGENT1".utf8))
        let sizes = [Self.names, Self.meters, Self.instances, Self.records].map(UInt64.init)
        for (cell, value) in ([1, pid, start] + sizes).enumerated() { set(cell + 1, value) }
    }

    func read(at place: Int, count: Int) -> [UInt8] {
        guard place >= 0, place < bytes.count, count > 0 else { return [] }
        return Array(bytes[place..<min(bytes.count, place + count)])
    }

    mutating func put(_ value: UInt64, at place: Int, bytes count: Int = 8) {
        for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
    }

    /// A cell of the header.
    mutating func set(_ cell: Int, _ value: UInt64) { put(value, at: cell * 8) }

    mutating func name(_ number: Int, _ text: String) {
        let place = Self.namesAt + number * 256
        put(UInt64(text.utf8.count), at: place, bytes: 2)
        bytes.replaceSubrange((place + 2)..<(place + 2 + text.utf8.count), with: Array(text.utf8))
        set(8, UInt64(number))
    }

    mutating func meter(_ row: Int, consumer: UInt64, message: UInt64 = 0, _ counts: [UInt64]) {
        for (cell, value) in ([consumer | message << 32] + counts).enumerated() {
            put(value, at: Self.metersAt + row * 128 + cell * 8)
        }
        set(9, UInt64(row + 1))
    }

    mutating func instance(_ row: Int, _ cells: [UInt64]) {
        for (cell, value) in cells.enumerated() { put(value, at: Self.instancesAt + row * 128 + cell * 8) }
        put(cells[0], at: Self.instancesAt + row * 128 + 15 * 8)
        set(10, UInt64(row + 1))
    }

    /// Writes the record of a number where it belongs.
    mutating func record(
        _ index: UInt64, kind: UInt64, detail: UInt64 = 0, time: UInt64 = 5, connection: UInt64 = 1, first: UInt64 = 0,
        second: UInt64 = 0, value: UInt64 = 0, third: UInt64 = 0, isHalfWritten: Bool = false
    ) {
        let place = Self.recordsAt + Int(index % UInt64(Self.records)) * 48
        put(index + 1, at: place, bytes: 4)
        put(kind, at: place + 4, bytes: 2)
        put(detail, at: place + 6, bytes: 2)
        put(time, at: place + 8)
        put(connection, at: place + 16)
        put(first, at: place + 24, bytes: 4)
        put(second, at: place + 28, bytes: 4)
        put(value, at: place + 32)
        put(third, at: place + 40, bytes: 4)
        put(isHalfWritten ? 0 : index + 1, at: place + 44, bytes: 4)
        set(11, index + 1)
    }

    /// Overwrites a stretch with what nobody meant.
    mutating func fill(_ range: Range<Int>, with byte: UInt8) { for place in range { bytes[place] = byte } }
}

/// A memory that a test changes while a fold reads it. One thread.
final class Shared: RingBytes {
    var memory = Memory()
    func read(at place: Int, count: Int) -> [UInt8] { memory.read(at: place, count: count) }
}
