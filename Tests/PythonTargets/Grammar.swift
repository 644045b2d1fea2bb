public import Observations

/// What `fixtures/cpython/grammar.py` says its stacks must be.
public struct Grammar: Decodable, Sendable {
    /// Frames below `main`, at most.
    public var depth: Int
    var lines: [String: Int]
    var next: [String: String]

    /// What is wrong with a stack; `nil` when it is possible.
    public func fault(in stack: StackTrace) -> String? {
        let frames = stack.frames
        guard frames.first?.function == "<module>" else { return "no root" }
        for (outer, inner) in zip(frames.dropFirst(), frames.dropFirst(2)) {
            if next[outer.function] != inner.function { return "\(outer.function) calls \(inner.function)" }
            if lines[outer.function] != outer.line { return "\(outer.function) calls from line \(outer.line ?? 0)" }
        }
        return frames.count > depth + 2 ? "too deep" : nil
    }
}
