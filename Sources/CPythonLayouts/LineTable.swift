/// Which line each instruction of a code object belongs to, decoded once.
///
/// Positions are in code units of two bytes, in all versions.
public struct LineTable: Hashable, Sendable {
    /// First unit of each run, ascending.
    private var starts: [UInt32] = []
    /// The line of each run; 0 for none.
    private var lines: [Int32] = []
    /// One past the last unit.
    private var end: UInt32 = 0

    /// Most runs that are kept.
    static let runLimit = 1 << 18

    /// The line of a unit; `nil` when the table has none for it.
    public func line(at unit: Int) -> Int? {
        guard unit >= 0, unit < Int(end), let run = run(of: UInt32(unit)) else { return nil }
        return lines[run] > 0 ? Int(lines[run]) : nil
    }

    private func run(of unit: UInt32) -> Int? {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= unit { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    private mutating func append(units: Int, line: Int) {
        guard units > 0, starts.count < Self.runLimit, let stop = UInt32(exactly: Int(end) + units) else { return }
        let line = Int32(exactly: line) ?? 0
        if lines.last != line {
            starts.append(end)
            lines.append(line)
        }
        end = stop
    }

    /// The location table of 3.11 and later (Objects/locations.md).
    static func locations(_ bytes: [UInt8], firstLine: Int) -> LineTable {
        var table = LineTable()
        var line = firstLine
        var reader = VarintReader(bytes)
        while let head = reader.next(), head & 0x80 != 0 {
            let kind = head >> 3 & 15
            let units = Int(head & 7) + 1
            switch kind {
            case 0...9: _ = reader.next()
            case 10...12:
                line &+= Int(kind) - 10
                _ = (reader.next(), reader.next())
            case 13: line &+= reader.signed()
            case 14:
                line &+= reader.signed()
                _ = (reader.unsigned(), reader.unsigned(), reader.unsigned())
            default: break
            }
            table.append(units: units, line: kind == 15 ? 0 : line)
        }
        return table
    }

    /// The line table of 3.10 (Objects/lnotab_notes.txt): deltas over half-open ranges.
    static func ranges(_ bytes: [UInt8], firstLine: Int) -> LineTable {
        var table = LineTable()
        var line = firstLine
        for place in stride(from: 0, to: bytes.count - 1, by: 2) {
            let delta = Int8(bitPattern: bytes[place + 1])
            if delta != -128 { line &+= Int(delta) }
            table.append(units: Int(bytes[place]) / 2, line: delta == -128 ? 0 : line)
        }
        return table
    }

    /// The line number table of 3.9 (Objects/lnotab_notes.txt): a line holds until the next address.
    static func numbers(_ bytes: [UInt8], firstLine: Int, units: Int) -> LineTable {
        var table = LineTable()
        var line = firstLine
        var done = 0
        for place in stride(from: 0, to: bytes.count - 1, by: 2) {
            let step = Int(bytes[place]) / 2
            table.append(units: step, line: line)
            done += step
            line &+= Int(Int8(bitPattern: bytes[place + 1]))
        }
        table.append(units: units - done, line: line)
        return table
    }
}

/// Reads the 6-bit variable-length numbers of CPython's tables; ends quietly at the end of the bytes.
struct VarintReader {
    private let bytes: [UInt8]
    private(set) var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> UInt8? {
        guard place < bytes.count else { return nil }
        defer { place += 1 }
        return bytes[place]
    }

    /// Least significant bits first: the location table.
    mutating func unsigned() -> Int {
        var (value, shift) = (0, 0)
        while let byte = next() {
            if shift < 60 { value |= Int(byte & 63) << shift }
            shift += 6
            if byte & 64 == 0 { break }
        }
        return value
    }

    /// The sign in the lowest bit.
    mutating func signed() -> Int {
        let value = unsigned()
        return value & 1 == 1 ? -(value >> 1) : value >> 1
    }

    /// Most significant bits first: the exception table.
    mutating func bigEndian() -> Int? {
        guard var byte = next() else { return nil }
        var value = Int(byte & 63)
        while byte & 64 != 0 {
            guard let following = next() else { return nil }
            byte = following
            value = (value << 6 | Int(byte & 63)) & 0xFFFF_FFFF
        }
        return value
    }
}
