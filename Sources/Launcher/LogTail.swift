import Synchronization

/// The last lines that a launched server wrote. Never recorded: a log may hold anything.
public final class LogTail: Sendable {
    /// Most lines kept.
    public static let limit = 200
    /// Most characters kept of a line.
    public static let lineLimit = 400

    private struct State {
        var lines: [String] = []
        var rest: [UInt8] = []
    }

    private let state = Mutex(State())

    init() {}

    /// The lines, oldest first.
    public var lines: [String] {
        state.withLock { state in
            state.lines + (state.rest.isEmpty ? [] : [Self.line(state.rest)])
        }
    }

    /// Takes what was written; lines end where they end.
    func append(_ bytes: some Sequence<UInt8>) {
        state.withLock { state in
            for byte in bytes {
                if byte == UInt8(ascii: "\n") {
                    state.lines.append(Self.line(state.rest))
                    state.rest.removeAll(keepingCapacity: true)
                } else if state.rest.count < 4 * Self.lineLimit {
                    state.rest.append(byte)
                }
            }
            if state.lines.count > Self.limit { state.lines.removeFirst(state.lines.count - Self.limit) }
        }
    }

    private static func line(_ bytes: [UInt8]) -> String {
        String(String(decoding: bytes, as: UTF8.self).prefix(lineLimit))
    }
}
