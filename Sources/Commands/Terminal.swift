import Glibc
import Synchronization

/// The terminal while a live view has it: its other screen, no echo, no line at a time, and no cursor.
///
/// What it was before is restored by `leave`, and when the process exits in any other way but by a signal that kills.
struct Terminal: Sendable {
    private static let saved = Mutex<SavedState?>(nil)

    private struct SavedState: Sendable {
        var attributes: termios?
        var output: Int32
    }

    private let input: Int32
    private let output: Int32

    /// The terminal of the standard streams; `nil` when results do not go to one.
    init?(input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO) {
        guard isatty(output) == 1 else { return nil }
        self.input = input
        self.output = output
    }

    /// Takes the terminal.
    func enter() {
        var attributes = termios()
        let isInput = isatty(input) == 1 && tcgetattr(input, &attributes) == 0
        let isFirst = Self.saved.withLock { saved in
            defer { saved = SavedState(attributes: isInput ? attributes : nil, output: output) }
            return saved == nil
        }
        if isInput {
            // Signals stay: Ctrl-C ends the session as everywhere. A read returns at once, with what there is.
            attributes.c_lflag &= ~tcflag_t(ICANON | ECHO)
            withUnsafeMutableBytes(of: &attributes.c_cc) { characters in
                characters[Int(VMIN)] = 0
                characters[Int(VTIME)] = 0
            }
            tcsetattr(input, TCSANOW, &attributes)
        }
        if isFirst { atexit { Terminal.restore() } }
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// Gives it back.
    func leave() { Self.restore() }

    private static func restore() {
        guard
            let state = saved.withLock({ saved in
                defer { saved = nil }
                return saved
            })
        else { return }
        if var attributes = state.attributes { tcsetattr(STDIN_FILENO, TCSANOW, &attributes) }
        writeAll("\u{1B}[?25h\u{1B}[?1049l", to: state.output)
    }

    /// Its size in characters; 80 × 24 when it does not say.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// The keys that were pressed since the last call.
    func keys() -> [UInt8] {
        guard Self.saved.withLock({ $0?.attributes != nil }) else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { read(input, $0.baseAddress, $0.count) }
        return count > 0 ? Array(bytes.prefix(count)) : []
    }

    /// Shows lines from the top left corner on, and nothing else.
    func show(_ lines: [String]) {
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    private func write(_ text: String) { Self.writeAll(text, to: output) }

    private static func writeAll(_ text: String, to output: Int32) {
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR else { return }
            } else {
                bytes = bytes.dropFirst(count)
            }
        }
    }
}
