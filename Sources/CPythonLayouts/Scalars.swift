public import TargetMemory

extension ObjectReader {
    /// The text of a `str` (or a subclass), at most `limit` characters of it; `nil` when it is none.
    public func string(_ object: RemoteAddress, limit: Int = ObjectReader.nameLimit) throws(RemoteReadError) -> String?
    {
        guard object != 0, let type = try type(of: object), type.isString else { return nil }
        return try text(object, limit: limit)
    }

    /// The text of an object known to be a `str`.
    func text(_ object: RemoteAddress, limit: Int = ObjectReader.nameLimit) throws(RemoteReadError) -> String? {
        let length = try size(object, 16)
        let state = try byte(object, 32)
        let (kind, isCompact, isASCII) = (Int(state >> 2 & 7), state >> 5 & 1 == 1, state >> 6 & 1 == 1)
        guard isCompact, length >= 0, kind == 1 || kind == 2 || kind == 4 else { return nil }
        let count = min(length, limit)
        let start = object &+ UInt64(isASCII ? layout.string.ascii : layout.string.compact)
        let bytes = try memory.bytes(at: start, count: count * kind, limit: limit * kind)
        if isASCII { return String(decoding: bytes, as: UTF8.self) }
        var scalars = String.UnicodeScalarView()
        for place in stride(from: 0, to: bytes.count, by: kind) {
            var value: UInt32 = 0
            for part in 0..<kind { value |= UInt32(bytes[place + part]) << (8 * UInt32(part)) }
            scalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
        }
        return String(scalars)
    }

    /// Whether an object is a compact ASCII string equal to `text`.
    public func isString(_ object: RemoteAddress, equalTo text: String) throws(RemoteReadError) -> Bool {
        let utf8 = text.utf8
        guard object != 0, try size(object, 16) == utf8.count, try byte(object, 32) >> 5 & 3 == 3 else { return false }
        let bytes = try memory.bytes(
            at: object &+ UInt64(layout.string.ascii), count: utf8.count, limit: Self.nameLimit)
        return utf8.elementsEqual(bytes)
    }

    /// The content of a `bytes` object, at most `limit` long.
    func bytes(_ object: RemoteAddress, limit: Int = ObjectReader.tableLimit) throws(RemoteReadError) -> [UInt8]? {
        guard object != 0, try type(of: object)?.name == "bytes" else { return nil }
        return try memory.bytes(at: object &+ 32, count: try size(object, 16), limit: limit)
    }

    /// The value of an `int` (or `bool`) that fits 60 bits; `nil` when it is none or does not fit.
    public func integer(_ object: RemoteAddress) throws(RemoteReadError) -> Int? {
        guard object != 0, let type = try type(of: object), type.isInteger else { return nil }
        let field = try word(object, 16)
        let digits: Int
        let isNegative: Bool
        if layout.isIntegerTagged {
            digits = Int(truncatingIfNeeded: field >> 3)
            isNegative = field & 3 == 2
        } else {
            let signed = Int64(bitPattern: field)
            digits = Int(truncatingIfNeeded: signed.magnitude)
            isNegative = signed < 0
        }
        guard digits >= 0, digits <= 2 else { return nil }
        var value = 0
        for digit in 0..<digits {
            value |= Int(UInt32(bitPattern: try int32(object, 24 + 4 * digit)) & 0x3FFF_FFFF) << (30 * digit)
        }
        return isNegative ? -value : value
    }

    /// The value of a `float`.
    public func float(_ object: RemoteAddress) throws(RemoteReadError) -> Double? {
        guard object != 0, try type(of: object)?.name == "float" else { return nil }
        return Double(bitPattern: try word(object, 16))
    }

    /// The value of a `bool`.
    public func boolean(_ object: RemoteAddress) throws(RemoteReadError) -> Bool? {
        guard object != 0, try type(of: object)?.name == "bool" else { return nil }
        return try integer(object) == 1
    }

    /// Whether an object is `None`.
    public func isNone(_ object: RemoteAddress) throws(RemoteReadError) -> Bool {
        if object == 0 { return true }
        return try type(of: object)?.name == "NoneType"
    }
}
