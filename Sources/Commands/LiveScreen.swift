import Observations
import Reports
import Session
import Synchronization

/// The live view of a session: it has the terminal until q, Ctrl-C, a time, or the session's end.
struct LiveScreen: Sendable {
    /// What is shown of loops, CPU and functions: the last so many seconds.
    private static let span = Nanoseconds.seconds(5)

    /// The terminal.
    let terminal: Terminal
    /// Colours, or none.
    let style: TextStyle
    /// The command's name, above the rest.
    let command: String
    /// Between two frames.
    var pause = Duration.milliseconds(250)

    /// Shows frame after frame.
    func show(_ session: LiveSession, until end: ContinuousClock.Instant? = nil) async {
        let isOver = { end.map { ContinuousClock().now >= $0 } ?? false }
        while !Task.isCancelled, !isOver(), !terminal.keys().contains(where: { $0 == UInt8(ascii: "q") || $0 == 3 }) {
            let size = terminal.size
            if let report = try? session.report(last: Self.span) {
                let screen = TopScreen(
                    report, columns: size.columns, rows: size.rows, style: style, command: command)
                terminal.show(screen.lines)
            }
            try? await Task.sleep(for: pause)  // the cadence of frames, ended by cancellation
        }
    }
}

/// What a server writes while the live view has the terminal: kept, and written when the view is gone. The last of it, where
/// it is much.
final class HeldOutput: Sendable {
    private static let limit = 65_536
    private let held = Mutex<[UInt8]?>(nil)

    /// From now on what comes is kept.
    func hold() { held.withLock { $0 = [] } }

    /// Whether it was kept; otherwise the caller writes it.
    func takes(_ bytes: [UInt8]) -> Bool {
        held.withLock { kept in
            guard kept != nil else { return false }
            kept?.append(contentsOf: bytes)
            if let count = kept?.count, count > Self.limit { kept?.removeFirst(count - Self.limit) }
            return true
        }
    }

    /// What was kept; what comes is written again.
    func release() -> String {
        held.withLock { kept in
            defer { kept = nil }
            return String(decoding: kept ?? [], as: UTF8.self)
        }
    }
}
