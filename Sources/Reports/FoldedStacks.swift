public import Observations

/// Folded stacks, the form that flame graph tools share: `thread;outer;inner 42`, one line for each stack.
///
/// A name cannot break a line or a frame: `\`, `;`, and everything a terminal could obey are written as `\x{3B}`.
public enum FoldedStacks {
    /// What the number at the end of a line counts.
    public enum Unit: String, Sendable, CaseIterable {
        /// How often the stack was seen; dispatches, for logical stacks.
        case samples
        /// The time it stands for, in microseconds.
        case microseconds
    }

    /// One line, taken apart.
    public struct Line: Hashable, Sendable {
        /// The names, outermost first; the thread is the first of them.
        public var names: [String]
        /// The number.
        public var value: Int

        /// A line of these names.
        public init(names: [String], value: Int) {
            self.names = names
            self.value = value
        }
    }

    /// Stacks that are not idle, heaviest first, each with its thread as the outermost frame.
    public static func text(_ samples: [StackSample], unit: Unit = .microseconds) -> String {
        var text = ""
        for sample in samples where sample.activity != .idle {
            let names = (sample.beginsWithThread ? [] : [sample.thread]) + sample.stack.frames.map(\.label)
            let value = unit == .samples ? sample.count : Int(sample.weight.microseconds.rounded())
            text += names.map(escape).joined(separator: ";") + " \(value)\n"
        }
        return text
    }

    /// Reads folded stacks, ours or another tool's. A line without a number is left out.
    public static func parse(_ text: String) -> [Line] {
        text.split(separator: "\n").compactMap { line in
            guard let space = line.lastIndex(of: " "), let value = Int(line[line.index(after: space)...]) else {
                return nil
            }
            let names = line[..<space].split(separator: ";", omittingEmptySubsequences: false)
            return Line(names: names.map(unescape), value: value)
        }
    }

    static func escape(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            if scalar == ";" || scalar == "\\" || scalar.isObeyedByTerminals {
                text += "\\x{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    static func unescape(_ name: Substring) -> String {
        var text = ""
        var rest = name.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", rest.starts(with: "x{".unicodeScalars), let close = rest.firstIndex(of: "}"),
                let value = UInt32(String(rest.dropFirst(2)[..<close]), radix: 16), let meant = Unicode.Scalar(value)
            else {
                text.unicodeScalars.append(scalar)
                continue
            }
            text.unicodeScalars.append(meant)
            rest = rest[rest.index(after: close)...]
        }
        return text
    }
}

extension StackSample {
    /// Whether its first frame already names its thread, as logical stacks do with their loop.
    var beginsWithThread: Bool { stack.frames.first.map { $0.kind == .logical && $0.function == thread } ?? false }
}

extension Frame {
    /// The frame as profilers write it: `function (file:line)`.
    var label: String {
        guard let file else { return function }
        return "\(function) (\(file)\(line.map { ":\($0)" } ?? ""))"
    }
}
