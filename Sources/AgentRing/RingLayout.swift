/// Where everything lies in the agent's shared memory: `agent/loopscope_agent/ring.py`, docs/formats/agent-ring.md.
///
/// The sizes come from the file's own header and are hostile until checked: none is taken beyond `limit`.
public struct RingLayout: Hashable, Sendable {
    /// Bytes of the header.
    public static let headerSize = 4096
    /// The first cell: `LSAGENT1`.
    static let magic = UInt64(littleEndianBytes: Array("LSAGENT1".utf8))
    /// The version of the format that is read.
    static let version: UInt64 = 1
    /// Bytes of a name's slot, its length of two bytes included.
    static let nameSize = 256
    /// Cells of a row, and its bytes.
    static let (rowCells, rowSize) = (16, 128)
    /// Bytes of a record.
    static let recordSize = 48
    /// Most entries of any table.
    static let limit: UInt64 = 1 << 20

    /// Entries of each table.
    let names, meters, instances, records: Int

    /// Where each table begins.
    var namesAt: Int { Self.headerSize }
    var metersAt: Int { namesAt + names * Self.nameSize }
    var instancesAt: Int { metersAt + meters * Self.rowSize }
    var recordsAt: Int { instancesAt + instances * Self.rowSize }

    init?(_ cells: [UInt64]) {
        let sizes = cells[4..<8]
        guard cells[0] == Self.magic, cells[1] == Self.version, sizes.allSatisfy({ (1...Self.limit).contains($0) })
        else { return nil }
        (names, meters) = (Int(cells[4]), Int(cells[5]))
        (instances, records) = (Int(cells[6]), Int(cells[7]))
    }
}

/// The header of a process's memory: who it is, how much of each table is in use, and its own counters.
public struct RingHeader: Hashable, Sendable {
    /// The process, by the number it knows itself by: in a container that is not ours.
    public let pid: Int32
    /// When the memory was made.
    public let start: Int64
    /// `sys.hexversion`.
    public let python: UInt64
    /// The namespace in which `pid` is the process's number: the inode of `/proc/self/ns/pid`; 0 where it was not known.
    public let space: UInt64
    /// Where the tables lie.
    public let layout: RingLayout
    let namesUsed, metersUsed, instancesUsed: Int
    /// Records written since the start.
    let head: UInt64
    private let cells: [UInt64]

    /// Reads it; `nil` when it is no such memory, or of another version.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= RingLayout.headerSize else { return nil }
        cells = (0..<64).map { bytes.cell(at: $0 * 8) }
        guard let layout = RingLayout(cells) else { return nil }
        self.layout = layout
        pid = Int32(truncatingIfNeeded: cells[2])
        start = Int64(truncatingIfNeeded: cells[3])
        (python, space) = (cells[12], cells[14])
        namesUsed = Int(min(cells[8], UInt64(layout.names - 1)))
        metersUsed = Int(min(cells[9], UInt64(layout.meters)))
        instancesUsed = Int(min(cells[10], UInt64(layout.instances)))
        // No process writes so many: sums with it cannot overflow.
        head = min(cells[11], 1 << 62)
    }

    /// A counter of the process.
    public subscript(counter: ProcessCounter) -> Int { Int(clamping: cells[counter.rawValue]) }
}

/// What is counted of a process as a whole; the number is the counter's cell in the header.
public enum ProcessCounter: Int, Sendable, CaseIterable {
    /// HTTP and WSGI requests.
    case requests = 16
    /// Tasks made by loops that run connections.
    case tasks
    /// Event loops made.
    case loops
    /// Threads started.
    case threads
    /// Calls of `async_to_sync`.
    case toSync
    /// Calls of `sync_to_async`.
    case toAsync
    /// Errors of the agent's own hooks.
    case errors
    /// Names for which there was no room.
    case refusedNames
    /// Classes and message types for which there was none.
    case refusedMeters
    /// Connections for which there was none.
    case refusedInstances
    /// `send` of channel layers.
    case layerSends
    /// `group_send` of channel layers.
    case layerGroupSends
    /// Messages that a channel layer refused because a channel was full.
    case layerFull
}

extension UInt64 {
    init(littleEndianBytes bytes: [UInt8]) { self = bytes.cell(at: 0) }
}

extension [UInt8] {
    /// The 8-byte number at a place; 0 beyond the end.
    func cell(at place: Int) -> UInt64 { number(at: place, bytes: 8) }

    /// The little-endian number of so many bytes at a place; 0 beyond the end.
    func number(at place: Int, bytes: Int) -> UInt64 {
        guard place >= 0, place <= count - bytes else { return 0 }
        var value: UInt64 = 0
        for index in (0..<bytes).reversed() { value = value << 8 | UInt64(self[place + index]) }
        return value
    }
}
