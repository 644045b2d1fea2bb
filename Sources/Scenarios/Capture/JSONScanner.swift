import Glibc

/// JSON (RFC 8259) read in pieces: tokens as they come, and only those texts kept that somebody asks for, so that a file of any size
/// takes the memory of what is wanted from it.
struct JSONScanner {
    /// What was read.
    enum Token: Hashable {
        case beginObject, endObject, beginArray, endArray
        /// The name of a member; its text is in `text`.
        case name
        /// A string, a number or a word; its text is in `text` if it was asked for.
        case scalar
    }

    /// Why it is no JSON.
    struct Mistake: Error, Hashable {
        var what: String
        /// Bytes before it.
        var offset: Int
    }

    private enum State {
        case value, valueOrEnd, nameOrEnd, name, colon, commaOrEnd, end
        case string(isName: Bool)
        case escape(isName: Bool)
        case unicode(isName: Bool, digits: Int, value: UInt32)
        case word
    }

    private var state = State.value
    /// Open containers: whether each is an object.
    private var open: [Bool] = []
    private var highSurrogate: UInt32?
    /// Bytes of the last name or scalar.
    private(set) var text: [UInt8] = []
    private var keeps = false
    private(set) var offset = 0

    /// Deepest nesting.
    static let depthLimit = 128
    /// Longest name; what is beyond it is dropped.
    private static let nameLimit = 256

    /// Reads a piece.
    ///
    /// - Parameters:
    ///   - limit: most bytes to keep of the scalar that now begins; 0 for none.
    ///   - take: told of each token.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer, keep limit: () -> Int, take: (Token, inout [UInt8]) throws -> Void
    ) throws {
        var index = 0
        while index < bytes.count {
            if case .string = state {
                index = keeps ? takePlain(bytes, from: index) : skipText(bytes, from: index)
                guard index < bytes.count else { break }
            }
            try step(bytes[index], keep: limit, take: take)
            index += 1
            offset += 1
        }
    }

    /// Whether a whole value has been read, and nothing has been begun after it.
    var isComplete: Bool {
        if case .end = state { return true }
        return false
    }

    private var capacity = 0

    /// Goes over a string that nobody asks for, escapes of one letter included: a page in a response's body has one every few bytes. What is
    /// none, or is cut by the end of the piece, is left to the steps.
    private mutating func skipText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x22 { break }
            if byte == 0x5C {
                guard index + 1 < bytes.count, Self.plain(bytes[index + 1]) != nil else { break }
                index += 1
            }
            index += 1
        }
        offset += index - start
        return index
    }

    /// Takes what a string has of ordinary bytes.
    private mutating func takePlain(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            // In short windows: where the next quote is far, each escape before it would look for it again.
            let (start, length) = (index, min(256, bytes.count - index))
            let quote = Self.place(of: 0x22, in: bytes, from: start, count: length)
            let found = Self.place(of: 0x5C, in: bytes, from: start, count: quote)
            index += found
            if found < length { break }
        }
        guard index > start else { return index }
        if text.count < capacity { text.append(contentsOf: bytes[start..<min(index, start + capacity - text.count)]) }
        highSurrogate = nil
        offset += index - start
        return index
    }

    /// Where a byte stands; the count when it does not.
    private static func place(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, count: Int) -> Int {
        guard count > 0, let base = bytes.baseAddress, let found = memchr(base + start, Int32(byte), count) else {
            return count
        }
        return UnsafeRawPointer(found) - (base + start)
    }

    private mutating func step(
        _ byte: UInt8, keep limit: () -> Int, take: (Token, inout [UInt8]) throws -> Void
    ) throws {
        switch state {
        case .string(let isName):
            if byte == 0x5C {
                state = .escape(isName: isName)
            } else {
                try take(isName ? .name : .scalar, &text)
                state = isName ? .colon : after
            }
        case .escape(let isName): try escape(byte, isName)
        case .unicode(let isName, let digits, let value): try unicode(byte, isName, digits, value)
        case .word:
            // Numbers end where something else begins, which is read again.
            if byte > 0x20, byte != 0x2C, byte != 0x5D, byte != 0x7D {
                if keeps, text.count < min(capacity, 64) { text.append(byte) }
            } else {
                try take(.scalar, &text)
                state = after
                try step(byte, keep: limit, take: take)
            }
        default:
            if byte <= 0x20 { return }
            try structure(byte, keep: limit, take: take)
        }
    }

    private mutating func structure(
        _ byte: UInt8, keep limit: () -> Int, take: (Token, inout [UInt8]) throws -> Void
    ) throws {
        switch (state, byte) {
        case (.value, 0x7B), (.valueOrEnd, 0x7B):
            try take(.beginObject, &text)
            try descend(isObject: true)
            state = .nameOrEnd
        case (.value, 0x5B), (.valueOrEnd, 0x5B):
            try take(.beginArray, &text)
            try descend(isObject: false)
            state = .valueOrEnd
        case (.value, 0x22), (.valueOrEnd, 0x22): begin(keeping: limit(), .string(isName: false))
        case (.nameOrEnd, 0x22), (.name, 0x22): begin(keeping: Self.nameLimit, .string(isName: true))
        case (.colon, 0x3A): state = .value
        case (.commaOrEnd, 0x2C): state = open.last == true ? .name : .value
        case (.commaOrEnd, 0x7D) where open.last == true, (.nameOrEnd, 0x7D):
            open.removeLast()
            try take(.endObject, &text)
            state = after
        case (.commaOrEnd, 0x5D) where open.last == false, (.valueOrEnd, 0x5D):
            open.removeLast()
            try take(.endArray, &text)
            state = after
        case (.value, _) where Self.beginsWord(byte), (.valueOrEnd, _) where Self.beginsWord(byte):
            begin(keeping: limit(), .word)
            if keeps { text.append(byte) }
        default: throw Mistake(what: "byte \(byte) cannot stand here", offset: offset)
        }
    }

    /// A number, `true`, `false` or `null`.
    private static func beginsWord(_ byte: UInt8) -> Bool {
        byte == 0x2D || (0x30...0x39).contains(byte) || byte == 0x74 || byte == 0x66 || byte == 0x6E
    }

    private mutating func begin(keeping limit: Int, _ next: State) {
        text.removeAll(keepingCapacity: text.capacity <= 1 << 16)
        (keeps, capacity, highSurrogate, state) = (limit > 0, limit, nil, next)
    }

    private mutating func descend(isObject: Bool) throws {
        guard open.count < Self.depthLimit else {
            throw Mistake(what: "it is nested more than \(Self.depthLimit) deep", offset: offset)
        }
        open.append(isObject)
    }

    private var after: State { open.isEmpty ? .end : .commaOrEnd }

    private mutating func put(_ scalar: UInt32) {
        guard keeps, text.count < capacity else { return }
        text.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }

    private mutating func escape(_ byte: UInt8, _ isName: Bool) throws {
        if byte == 0x75 {
            state = .unicode(isName: isName, digits: 0, value: 0)
            return
        }
        guard let plain = Self.plain(byte) else {
            throw Mistake(what: "there is no escape \\\(byte)", offset: offset)
        }
        if keeps, text.count < capacity { text.append(plain) }
        state = .string(isName: isName)
    }

    /// What an escape of one letter stands for.
    private static func plain(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x22, 0x5C, 0x2F: byte
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: 0x0A
        case 0x72: 0x0D
        case 0x74: 0x09
        default: nil
        }
    }

    private mutating func unicode(_ byte: UInt8, _ isName: Bool, _ digits: Int, _ value: UInt32) throws {
        guard let digit = hex(byte) else {
            throw Mistake(what: "\\u wants four hexadecimal digits", offset: offset)
        }
        let value = value << 4 | digit
        guard digits == 3 else {
            state = .unicode(isName: isName, digits: digits + 1, value: value)
            return
        }
        state = .string(isName: isName)
        switch value {
        case 0xD800..<0xDC00: highSurrogate = value
        case 0xDC00..<0xE000:
            put(highSurrogate.map { 0x10000 + (($0 - 0xD800) << 10) + (value - 0xDC00) } ?? 0xFFFD)
            highSurrogate = nil
        default: put(value)
        }
    }

    private func hex(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
