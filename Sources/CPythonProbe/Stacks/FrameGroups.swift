import TargetMemory

/// Which areas one range of a call reads: another range takes longer than some bytes that nobody needs.
extension FrameCall.Group {
    /// Bytes between two areas that are rather read than left out. No whole page may lie between them, which need not be
    /// mapped.
    static let gap = 2048
    private static let pageBits: UInt64 = 12

    /// Areas, which are in the order of their addresses, in as few ranges as is worth it; outermost first. `isOnce` tells
    /// whether one reading of an area will do.
    static func grouped(
        _ areas: [FrameAreaList.Area], isOnce: (FrameAreaList.Area) -> Bool
    ) -> [FrameCall.Group] {
        let each = areas.indices.map { index in
            FrameCall.Group(
                start: areas[index].start, end: areas[index].start + UInt64(areas[index].length),
                depth: areas[index].depth, isOnce: isOnce(areas[index]), members: index..<index + 1)
        }
        let alike = merged(each) { $0.isOnce == $1.isOnce }
        // A little is read twice sooner than it is a range of its own.
        let groups = merged(alike) { min($0.onceLength, $1.onceLength) < gap }
        return groups.sorted { $0.depth > $1.depth }
    }

    /// Neighbours that lie close together as one, where `mayJoin` says so.
    private static func merged(
        _ groups: [FrameCall.Group], _ mayJoin: (FrameCall.Group, FrameCall.Group) -> Bool
    ) -> [FrameCall.Group] {
        var merged: [FrameCall.Group] = []
        for group in groups {
            guard let last = merged.last, group.start <= last.end + UInt64(gap),
                group.start >> pageBits <= ((last.end - 1) >> pageBits) + 1, mayJoin(last, group)
            else {
                merged.append(group)
                continue
            }
            merged[merged.count - 1] = FrameCall.Group(
                start: last.start, end: max(last.end, group.end), depth: min(last.depth, group.depth),
                isOnce: last.isOnce && group.isOnce, members: last.members.lowerBound..<group.members.upperBound)
        }
        return merged
    }
}
