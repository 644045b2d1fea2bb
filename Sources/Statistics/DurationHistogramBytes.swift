extension DurationHistogram {
    /// The stored form: nothing at all when empty, else LEB128 numbers: the number of buckets, 1 or 0 for whether a
    /// maximum follows, the maximum and the sum (zigzag), then a gap and a count for each bucket that is not empty.
    ///
    /// A window of a loop uses a dozen of its buckets: some 30 bytes instead of 4 for every bucket.
    public var bytes: [UInt8] {
        guard self != DurationHistogram() else { return [] }
        var bytes: [UInt8] = []
        bytes.append(varint: UInt64(counts.count))
        bytes.append(varint: maximum == nil ? 0 : 1)
        if let maximum { bytes.append(varint: maximum.zigzag) }
        bytes.append(varint: sum.zigzag)
        var gap: UInt64 = 0
        for count in counts {
            if count == 0 {
                gap += 1
            } else {
                bytes.append(varint: gap)
                bytes.append(varint: UInt64(count))
                gap = 0
            }
        }
        return bytes
    }

    /// Reads the stored form; `nil` when it is cut, or was never one.
    public init?(bytes: [UInt8]) {
        guard !bytes.isEmpty else {
            self.init()
            return
        }
        var rest = bytes[...]
        guard let length = rest.takeVarint(), length <= UInt64(Self.bucketLimit), let flag = rest.takeVarint(),
            flag <= 1
        else { return nil }
        var maximum: Int64?
        if flag == 1 {
            guard let value = rest.takeVarint() else { return nil }
            maximum = Int64(zigzag: value)
        }
        guard let sum = rest.takeVarint() else { return nil }
        var counts = [UInt32](repeating: 0, count: Int(length))
        var place: UInt64 = 0
        while !rest.isEmpty {
            guard let gap = rest.takeVarint(), let count = rest.takeVarint().flatMap(UInt32.init(exactly:)),
                gap < length, place + gap < length
            else { return nil }
            counts[Int(place + gap)] = count
            place += gap + 1
        }
        self.init(counts: counts, maximum: maximum, sum: Int64(zigzag: sum))
    }
}

extension Int64 {
    fileprivate var zigzag: UInt64 { UInt64(bitPattern: (self << 1) ^ (self >> 63)) }

    fileprivate init(zigzag: UInt64) { self = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1) }
}

extension [UInt8] {
    fileprivate mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func takeVarint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = popFirst() else { return nil }
            guard shift < 63 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
