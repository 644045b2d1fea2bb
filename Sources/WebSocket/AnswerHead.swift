/// The head of a server's answer (RFC 9112 §4, §5): its status and its fields. No body.
public struct AnswerHead: Sendable {
    /// The largest head, interim answers before it included.
    public static let limit = 16 * 1024

    /// The status, 100 to 999.
    public var status: Int
    /// The fields in their order.
    public var fields: [Handshake.Field]

    /// The values of a field, spaces around them cut off.
    public func values(_ name: String) -> [String] { Handshake.values(name.lowercased(), in: fields) }

    /// Reads a head.
    ///
    /// - Parameter head: with the empty line that ends it.
    /// - Throws: `notHTTP`: another protocol, a folded field, a name with a space in it or a value with a control character.
    init(parsing head: ArraySlice<UInt8>) throws(Handshake.Rejection) {
        var lines = Self.lines(head)
        guard !lines.isEmpty else { throw .notHTTP }
        let start = lines.removeFirst().split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard start.count >= 2, start[0].elementsEqual("HTTP/1.1".utf8) || start[0].elementsEqual("HTTP/1.0".utf8),
            start[1].count == 3, start[1].allSatisfy({ 0x30...0x39 ~= $0 }),
            let status = Int(String(decoding: start[1], as: UTF8.self)), status >= 100
        else { throw .notHTTP }
        self.status = status
        fields = []
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy({ 0x21...0x7E ~= $0 }),
                line[colon...].allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            else { throw .notHTTP }
            fields.append(
                (String(decoding: line[..<colon], as: UTF8.self), String(decoding: line[(colon + 1)...], as: UTF8.self))
            )
        }
    }

    /// What CRLF separates.
    private static func lines(_ head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = head.startIndex
        while start < head.endIndex {
            let end = head[start...].indices.first { place in
                head[place] == 0x0D && place + 1 < head.endIndex && head[place + 1] == 0x0A
            }
            lines.append(head[start..<(end ?? head.endIndex)])
            start = end.map { $0 + 2 } ?? head.endIndex
        }
        return lines
    }
}

/// Takes an answer's bytes until its head is whole. Interim answers (1xx but 101, RFC 9110 §15.2) are passed over.
public struct AnswerReader: Sendable {
    private var head: [UInt8] = []
    private var passed = 0

    /// At the start of an answer.
    public init() {}

    /// Takes bytes.
    ///
    /// - Returns: `nil` while the head is not whole; then the head, and the bytes after it.
    /// - Throws: `notHTTP`, also for a head that is too large.
    public mutating func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(Handshake.Rejection) -> (head: AnswerHead, rest: [UInt8])? {
        var from = max(0, head.count - 3)
        head.append(contentsOf: bytes)
        while let end = Self.endOfHead(head, from: from) {
            guard passed + end <= AnswerHead.limit else { throw .notHTTP }
            let answer = try AnswerHead(parsing: head[..<end])
            if answer.status >= 200 || answer.status == 101 { return (answer, Array(head[end...])) }
            passed += end
            head.removeFirst(end)
            from = 0
        }
        guard passed + head.count <= AnswerHead.limit else { throw .notHTTP }
        return nil
    }

    /// The place after the empty line.
    private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.count >= 4 else { return nil }
        for place in start...max(start, bytes.count - 4) where bytes[place...].starts(with: mark) { return place + 4 }
        return nil
    }
}
