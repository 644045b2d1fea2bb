/// Memory that is read again and again in much the same places: what one walk read, the next one gets in one call.
///
/// At the first read after `beginWalk` all that the walk before asked for is gathered; what it did not ask for is read as
/// it is asked for. So what a walk reads was there when the walk began, or later: a walker for whom that is too early
/// must not read through this.
///
/// Errors are those of the memory beneath. Not `Sendable`: one walker, one thread.
public final class ReadAhead: RemoteMemory {
    /// Most ranges and bytes that are gathered; what a walk asks for beyond that is read by itself.
    static let (rangeLimit, byteLimit) = (1024, 1 << 18)

    /// Where the bytes of a range are held, and how many.
    private struct Place {
        var offset: Int
        var count: Int
    }

    private let memory: any RemoteMemory
    /// What this walk has asked for, by address, in the order of asking: the longest range of each address.
    private var asked: [MemoryRange] = []
    private var askedPlaces: [RemoteAddress: Int] = [:]
    private var askedBytes = 0
    /// What is to be gathered at the next read.
    private var wanted: [MemoryRange] = []
    private var held: [RemoteAddress: Place] = [:]
    private var bytes: [UInt8] = []

    /// Reads of `memory`.
    public init(_ memory: any RemoteMemory) { self.memory = memory }

    /// Begins the next walk: nothing that was read before is given out again.
    public func beginWalk() {
        // A walk that read nothing tells nothing of the next.
        if !asked.isEmpty { wanted = asked }
        asked.removeAll(keepingCapacity: true)
        askedPlaces.removeAll(keepingCapacity: true)
        askedBytes = 0
        held.removeAll(keepingCapacity: true)
    }

    /// Fills `buffer` with what was gathered, or with what is there now.
    public func read(
        at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) {
        guard !buffer.isEmpty else { return }
        if !wanted.isEmpty { try fetch() }
        note(address, buffer.count)
        if let place = held[address], place.count >= buffer.count {
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: .init(rebasing: $0[place.offset..<place.offset + buffer.count]))
            }
        } else {
            try memory.read(at: address, into: buffer)
        }
    }

    /// Reads ranges as they are now, and does not remember them.
    public func gather(
        _ ranges: [MemoryRange], into buffer: UnsafeMutableRawBufferPointer
    ) throws(RemoteReadError) -> Int {
        try memory.gather(ranges, into: buffer)
    }

    private func note(_ address: RemoteAddress, _ count: Int) {
        if let place = askedPlaces[address] {
            let more = count - Int(asked[place].count)
            guard more > 0, askedBytes + more <= Self.byteLimit else { return }
            asked[place].count += UInt64(more)
            askedBytes += more
        } else if asked.count < Self.rangeLimit, askedBytes + count <= Self.byteLimit {
            askedPlaces[address] = asked.count
            asked.append(.init(address: address, count: UInt64(count)))
            askedBytes += count
        }
    }

    private func fetch() throws(RemoteReadError) {
        let ranges = wanted
        wanted = []
        let size = ranges.reduce(0) { $0 + Int($1.count) }
        if bytes.count < size { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
        // Array's closure is untyped (`rethrows`): the error is carried out by value.
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, RemoteReadError> in
            do throws(RemoteReadError) { return .success(try memory.gather(ranges, into: buffer)) } catch {
                return .failure(error)
            }
        }
        let got = try result.get()
        var offset = 0
        // What comes after a range that has gone is read by itself.
        for range in ranges {
            let count = Int(range.count)
            guard offset + count <= got else { break }
            held[range.address] = Place(offset: offset, count: count)
            offset += count
        }
    }
}
