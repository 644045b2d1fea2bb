/// One event of a connection's life, as the agent wrote it. Numbers stand for names.
struct RingRecord: Hashable, Sendable {
    /// What happened: the numbers of `agent/loopscope_agent/connections.py`.
    enum Kind: UInt64 {
        case opened = 1
        case accepted, rejected, closed, started, ended, dispatched, swallowed, bridge
    }

    var kind: Kind?
    var detail: Int
    var time: Int64
    var connection: UInt64
    var first, second, third: Int
    var value: UInt64

    /// What a record's place holds.
    enum Reading: Hashable {
        case record(RingRecord)
        /// It is being written.
        case pending
        /// A later one has taken its place.
        case overwritten
    }

    /// Reads the record of a number out of its place. Its number stands at both ends: where they differ it is half written.
    static func read(_ bytes: [UInt8], at place: Int, index: UInt64) -> Reading {
        let mark = UInt32(truncatingIfNeeded: index &+ 1)
        let begin = UInt32(bytes.number(at: place, bytes: 4))
        let end = UInt32(bytes.number(at: place + 44, bytes: 4))
        guard begin == mark, end == mark else {
            // A later number, by less than half of all numbers: it has gone round.
            let isLater = (1...UInt32.max / 2).contains(begin &- mark) && begin != 0
            return isLater ? .overwritten : .pending
        }
        return .record(
            RingRecord(
                kind: Kind(rawValue: bytes.number(at: place + 4, bytes: 2)),
                detail: Int(bytes.number(at: place + 6, bytes: 2)),
                time: Int64(truncatingIfNeeded: bytes.cell(at: place + 8)), connection: bytes.cell(at: place + 16),
                first: Int(bytes.number(at: place + 24, bytes: 4)), second: Int(bytes.number(at: place + 28, bytes: 4)),
                third: Int(bytes.number(at: place + 40, bytes: 4)), value: bytes.cell(at: place + 32)))
    }
}
