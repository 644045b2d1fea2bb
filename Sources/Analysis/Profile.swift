public import Observations

/// One row of the hot-function table.
public struct FunctionShare: Hashable, Sendable {
    /// The function; its line is that of the hottest line seen.
    public var frame: Frame
    /// Time with the function on top.
    public var own: Nanoseconds
    /// Time with the function anywhere on the stack, recursion counted once.
    public var total: Nanoseconds
    /// `own` as a share of all time in the profile.
    public var ownPercent: Double
    /// `total` as a share of all time in the profile.
    public var totalPercent: Double
}

/// Where the time went: a pure function of stacks.
public struct Profile: Hashable, Sendable {
    /// Stacks on a CPU or on a loop, heaviest first.
    public var stacks: [StackSample]
    /// All their time.
    public var total: Nanoseconds
    /// Samples behind it.
    public var count: Int
    /// Functions, most own time first.
    public var functions: [FunctionShare]

    /// A profile of the stacks that were running; idle ones are left out.
    public init(_ samples: [StackSample]) {
        stacks = samples.filter { $0.activity != .idle }
        total = stacks.reduce(.zero) { $0 + $1.weight }
        count = stacks.reduce(0) { $0 + $1.count }
        functions = Self.functions(of: stacks, total: total)
    }

    private struct Name: Hashable {
        let function: String
        let file: String?
    }

    private static func functions(of stacks: [StackSample], total: Nanoseconds) -> [FunctionShare] {
        var rows: [Name: (own: Nanoseconds, total: Nanoseconds, frame: Frame, heaviest: Nanoseconds)] = [:]
        for sample in stacks {
            var seen: Set<Name> = []
            for (depth, frame) in sample.stack.frames.enumerated() {
                let name = Name(function: frame.function, file: frame.file)
                var row = rows[name] ?? (.zero, .zero, frame, .zero)
                if seen.insert(name).inserted { row.total = row.total + sample.weight }
                if depth == sample.stack.frames.count - 1 { row.own = row.own + sample.weight }
                if sample.weight > row.heaviest { (row.frame, row.heaviest) = (frame, sample.weight) }
                rows[name] = row
            }
        }
        let whole = max(total.seconds, 1e-12)
        return rows.values.map { row in
            FunctionShare(
                frame: row.frame, own: row.own, total: row.total, ownPercent: row.own.seconds / whole * 100,
                totalPercent: row.total.seconds / whole * 100)
        }
        .sorted { left, right in
            if left.own != right.own { return left.own > right.own }
            if left.total != right.total { return left.total > right.total }
            return (left.frame.function, left.frame.file ?? "") < (right.frame.function, right.frame.file ?? "")
        }
    }
}
