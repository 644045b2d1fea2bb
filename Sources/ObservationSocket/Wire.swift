import FoundationEssentials
import Observations

/// The lines that travel over the socket: docs/formats/observation-socket.md.
enum Wire {
    /// The version that this code speaks.
    static let version = 1
    /// Longest line of a client, and of a server's greeting, in bytes.
    static let greetingLimit = 4096
    /// Longest line of a server. A census of 512 instances with long names fits many times.
    static let lineLimit = 4 << 20

    /// What a client says first: the version that it speaks.
    struct Hello: Codable, Hashable {
        var hello: Greeting
        struct Greeting: Codable, Hashable { var version: Int }
    }

    /// What a server answers: who it is, or why it will not.
    struct Answer: Codable, Hashable {
        var welcome: Welcome?
        var refused: Refusal?
        struct Welcome: Codable, Hashable {
            var version: Int
            var description: String
        }
        struct Refusal: Codable, Hashable { var why: String }
    }

    /// A value as a line, its end included.
    static func line(_ value: some Encodable) -> [UInt8]? {
        guard let data = try? JSONEncoder().encode(value) else { return nil }
        return Array(data) + [UInt8(ascii: "\n")]
    }

    /// The value of a line.
    static func value<Value: Decodable>(_ type: Value.Type, of line: some Sequence<UInt8>) -> Value? {
        try? JSONDecoder().decode(type, from: Data(line))
    }
}

/// Cuts what comes into lines. Keeps at most one line that is not whole.
struct LineCutter {
    /// A line was longer than is taken.
    struct TooLong: Error, Hashable {}

    private var rest: [UInt8] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Takes the next bytes and hands out the lines that they complete, without their ends.
    mutating func take(_ bytes: some Sequence<UInt8>, _ body: (ArraySlice<UInt8>) -> Void) throws(TooLong) {
        let begin = rest.count
        rest += bytes
        var start = 0
        var look = begin
        while let end = rest[look...].firstIndex(of: UInt8(ascii: "\n")) {
            guard end - start <= limit else { throw TooLong() }
            body(rest[start..<end])
            start = end + 1
            look = start
        }
        rest.removeFirst(start)
        guard rest.count <= limit else { throw TooLong() }
    }
}
