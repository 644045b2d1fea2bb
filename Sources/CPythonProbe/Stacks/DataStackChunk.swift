import TargetMemory

/// The newest chunk of a thread's data stack (3.11 and later), and how much of it is read: what is in use, and room for a few
/// frames more.
///
/// Pure: readings of the thread's state come in.
struct DataStackChunk {
    /// Where it begins; 0 when that is not known.
    private(set) var start: RemoteAddress = 0
    /// Bytes of it that are read.
    private(set) var length = 4096
    /// Most bytes that were in use since the last trimming.
    private var used = 0

    /// Takes what a reading showed: where the newest chunk is, and how many bytes of it are in use.
    ///
    /// - Returns: whether it is where it was, and all that is in use was read.
    mutating func note(start now: RemoteAddress, used inUse: UInt64) -> Bool {
        guard now == start, inUse <= UInt64(length) else {
            // A chunk holds 16 KB at first and doubles; a wild pointer is read as an empty chunk.
            length = inUse <= UInt64(FrameAreaList.byteLimit / 2) ? (Int(inUse) + 1023) & ~511 : 4096
            (start, used) = (now, 0)
            return false
        }
        used = max(used, Int(inUse))
        return true
    }

    /// Forgets it: the next reading tells where it is.
    mutating func forget() { start = 0 }

    /// Leaves the end of it unread if that was not in use.
    ///
    /// - Returns: whether it is shorter than before.
    mutating func trim() -> Bool {
        // One page less is worth it: no room is left for more frames until they are seen.
        let needed = max((used + 63) & ~63, 1024)
        defer { used = 0 }
        guard start != 0, used > 0, needed < length else { return false }
        length = needed
        return true
    }
}
