public import TargetMemory

/// One entry of a dictionary.
public struct DictEntry: Hashable, Sendable {
    /// The key object.
    public var key: RemoteAddress
    /// The value object.
    public var value: RemoteAddress
}

extension ObjectReader {
    /// The items of a tuple, at most `limit`.
    public func tuple(_ object: RemoteAddress, limit: Int = ObjectReader.itemLimit) throws(RemoteReadError)
        -> [RemoteAddress]?
    {
        guard object != 0, let type = try type(of: object), type.isTuple else { return nil }
        let count = min(try size(object, 16), limit)
        return try words(object &+ UInt64(layout.tupleItems), count: count, limit: limit)
    }

    /// The items of a list, at most `limit`.
    public func list(_ object: RemoteAddress, limit: Int = ObjectReader.itemLimit) throws(RemoteReadError)
        -> [RemoteAddress]?
    {
        guard object != 0, let type = try type(of: object), type.isList else { return nil }
        let count = min(try size(object, 16), limit)
        return try words(try word(object, 24), count: count, limit: limit)
    }

    /// The number of items of a list, tuple, set or dict.
    public func count(_ object: RemoteAddress) throws(RemoteReadError) -> Int? {
        guard object != 0, let type = try type(of: object) else { return nil }
        if type.isDict || type.isList || type.isTuple { return try size(object, 16) }
        return type.isSet ? try size(object, 24) : nil
    }

    /// The members of a set, at most `limit` table slots.
    ///
    /// A set whose table is being rebuilt may show fewer or, once more, the same members: callers keep them unique.
    public func set(_ object: RemoteAddress, limit: Int = ObjectReader.itemLimit) throws(RemoteReadError)
        -> [RemoteAddress]?
    {
        guard object != 0, let type = try type(of: object), type.isSet else { return nil }
        let mask = try size(object, 32)
        guard mask >= 0, mask < limit else { throw .outOfBounds(address: object, count: mask) }
        let slots = try words(try word(object, 40), count: 2 * (mask + 1), limit: 2 * limit)
        // {key, hash}: an empty slot has no key, a deleted one has a dummy with hash -1.
        return stride(from: 0, to: slots.count, by: 2).compactMap { place in
            slots[place] != 0 && slots[place + 1] != .max ? slots[place] : nil
        }
    }

    /// The entries of a dict in the order of insertion, at most `limit`.
    public func dict(_ object: RemoteAddress, limit: Int = ObjectReader.itemLimit) throws(RemoteReadError)
        -> [DictEntry]?
    {
        guard object != 0, let type = try type(of: object), type.isDict else { return nil }
        let keys = try word(object, 32)
        let values = try word(object, 40)
        return try entries(
            ofKeys: keys, values: values == 0 ? nil : values &+ UInt64(layout.dict.values), limit: limit)
    }

    /// The value of a string key in a dict.
    public func value(_ key: String, in object: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        guard let entries = try dict(object) else { return nil }
        return try value(key, in: entries)
    }

    /// The value of a string key among entries.
    public func value(_ key: String, in entries: [DictEntry]) throws(RemoteReadError) -> RemoteAddress? {
        for entry in entries where try isString(entry.key, equalTo: key) { return entry.value }
        return nil
    }

    /// The entries of a key table: with `values` beside it when the dictionary is split.
    ///
    /// internal/pycore_dict.h (3.11+), Objects/dict-common.h before.
    func entries(
        ofKeys keys: RemoteAddress, values: RemoteAddress?, limit: Int = ObjectReader.itemLimit
    ) throws(RemoteReadError) -> [DictEntry] {
        let shape = try keyShape(keys)
        let count = min(shape.count, limit)
        let raw = try words(shape.start, count: count * shape.stride, limit: limit * 3)
        let separate = try values.map { (address) throws(RemoteReadError) in
            // A split table has at most 30 keys; a larger one is a lie.
            try words(address, count: min(count, 254), limit: 254)
        }
        var entries: [DictEntry] = []
        entries.reserveCapacity(count)
        for index in 0..<count {
            let key = raw[index * shape.stride + shape.stride - 2]
            let value =
                separate.map { index < $0.count ? $0[index] : 0 } ?? raw[index * shape.stride + shape.stride - 1]
            if key != 0, value != 0 { entries.append(DictEntry(key: key, value: value)) }
        }
        return entries
    }

    /// What changes when a key is added to a dict.
    func dictSize(_ object: RemoteAddress) throws(RemoteReadError) -> DictSize {
        let keys = object == 0 ? 0 : try word(object, 32)
        return DictSize(keys: keys, entries: keys == 0 ? 0 : try keyShape(keys).count)
    }

    /// The entry at a place of a dict that is not split; `nil` when there is none, or not any more.
    func entry(at place: Int, ofDict object: RemoteAddress) throws(RemoteReadError) -> DictEntry? {
        guard object != 0, let type = try type(of: object), type.isDict, try word(object, 40) == 0 else { return nil }
        let shape = try keyShape(try word(object, 32))
        guard place >= 0, place < shape.count else { return nil }
        let words = try words(
            shape.start &+ UInt64(8 * (shape.stride * (place + 1) - 2)), count: 2, limit: 2)
        return words[0] == 0 || words[1] == 0 ? nil : DictEntry(key: words[0], value: words[1])
    }

    /// Where in a dict that is not split an entry is.
    func place(of entry: DictEntry, inDict object: RemoteAddress) throws(RemoteReadError) -> Int? {
        guard try word(object, 40) == 0 else { return nil }
        let shape = try keyShape(try word(object, 32))
        let raw = try words(
            shape.start, count: min(shape.count, Self.itemLimit) * shape.stride, limit: Self.itemLimit * 3)
        return stride(from: shape.stride - 2, to: raw.count, by: shape.stride).first { raw[$0] == entry.key }
            .map { $0 / shape.stride }
    }

    /// Where the entries of a key table begin, how many there are, and how many words each has.
    private func keyShape(_ keys: RemoteAddress) throws(RemoteReadError) -> (
        start: RemoteAddress, count: Int, stride: Int
    ) {
        switch layout.dict.form {
        case .compact:
            let sizes = try word(keys, 8)
            let (indexBytes, kind) = (sizes >> 8 & 0xFF, sizes >> 16 & 0xFF)
            let count = try size(keys, 24)
            guard indexBytes < 40, kind <= 2, count >= 0 else { throw .outOfBounds(address: keys, count: count) }
            return (keys &+ 32 &+ (1 << indexBytes), count, kind == 0 ? 3 : 2)
        case .lookup:
            let (size, count) = (try size(keys, 8), try size(keys, 32))
            guard size > 0, size < 1 << 32, count >= 0 else { throw .outOfBounds(address: keys, count: count) }
            let width = size <= 0xFF ? 1 : size <= 0xFFFF ? 2 : 4
            return (keys &+ 40 &+ UInt64(size * width), count, 3)
        }
    }
}

extension ObjectReader {
    /// Whether a set holds an object itself. Remembers the sets it was asked about, and what it answered.
    public func contains(_ object: RemoteAddress, in set: RemoteAddress) throws(RemoteReadError) -> Bool? {
        let answer = try isMember(object, of: set)
        answers.append(Membership(object: object, set: set, answer: answer))
        return answer
    }

    private func isMember(_ object: RemoteAddress, of set: RemoteAddress) throws(RemoteReadError) -> Bool? {
        if let members = members[set] { return members.contains(object) }
        guard let found = try self.set(set) else { return nil }
        let members = Set(found)
        self.members[set] = members
        return members.contains(object)
    }

    /// The answers of `contains` since this was last called.
    public func takeAnswers() -> [Membership] {
        defer { answers.removeAll() }
        return answers
    }

    /// Whether `contains` would answer the same now.
    public func isStillTrue(_ membership: Membership) throws(RemoteReadError) -> Bool {
        try isMember(membership.object, of: membership.set) == membership.answer
    }
}

/// A dict's table of keys, and how many it has had.
struct DictSize: Hashable {
    var keys: RemoteAddress
    var entries: Int
}

/// Whether a set held an object.
public struct Membership: Hashable, Sendable {
    var object: RemoteAddress
    var set: RemoteAddress
    /// `nil` when there was no set.
    var answer: Bool?
}
