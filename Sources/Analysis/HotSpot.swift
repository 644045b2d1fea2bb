public import Observations

/// The hottest application code of one loop, consumer or task: what is said when no detector explains a busy loop.
public struct HotSpot: Hashable, Sendable {
    /// Whose: `loop MainThread`, `consumer ChatConsumer`, `task Task-7`.
    public var owner: String
    /// Innermost application frame of the heaviest stacks; where a turn has none, the coroutine or callback it ran.
    public var frame: Frame
    /// Share of the owner's time.
    public var percent: Double

    /// One hot spot for each thread, consumer and task that took a noticeable share, heaviest first.
    public static func find(in evidence: Evidence) -> [HotSpot] {
        let stacks = evidence.profile.stacks
        let whole = evidence.profile.total.seconds
        guard whole > 0 else { return [] }
        let owners = Owners(evidence)
        var groups: [String: [StackSample]] = [:]
        for sample in stacks {
            for owner in owners.of(sample) { groups[owner, default: []].append(sample) }
        }
        return groups.compactMap { spot(of: $0.key, in: $0.value, whole: whole) }
            .sorted { ($0.percent, $1.owner) > ($1.percent, $0.owner) }
            .prefix(12).map { $0 }
    }

    private static func spot(of owner: String, in stacks: [StackSample], whole: Double) -> HotSpot? {
        let total = stacks.reduce(Nanoseconds.zero) { $0 + $1.weight }.seconds
        guard total > whole * 0.02 else { return nil }
        var weights: [Frame: Double] = [:]
        for sample in stacks {
            guard var frame = hottest(in: sample.stack) else { continue }
            frame.line = nil
            weights[frame, default: 0] += sample.weight.seconds
        }
        guard
            let (frame, weight) = weights.max(by: { ($0.value, $1.key.function) < ($1.value, $0.key.function) })
        else { return nil }
        return HotSpot(owner: owner, frame: frame, percent: weight / total * 100)
    }

    /// What a stack is about, library frames folded; `nil` for a loop that does its own work.
    private static func hottest(in stack: StackTrace) -> Frame? {
        guard let turn = stack.turn else { return stack.frames.last(where: \.isApplication) ?? stack.leaf }
        return turn.last(where: \.isApplication) ?? turn.first
    }
}

/// Whom a sample belongs to: its loop or thread, and the consumer and the task whose code it ran.
///
/// A sampler from outside knows neither consumer nor task: they are told by the code that tasks of the censuses were
/// seen in, where only one consumer's were.
private struct Owners {
    /// A function, by what `Frame.isOfSameFunction` compares.
    private struct Code: Hashable {
        let file: String?
        let definition: Int?
        let function: String?

        init(_ frame: Frame) {
            file = frame.file
            definition = frame.definition
            function = frame.definition == nil ? frame.function : nil
        }
    }

    private var consumers: [Code: Set<String>] = [:]
    private var tasks: Set<Code> = []
    private var loops: Set<String>

    init(_ evidence: Evidence) {
        loops = Set(evidence.loops.map(\.thread))
        for group in evidence.taskCensuses.flatMap(\.groups) {
            if let outermost = group.stack.frames.first { tasks.insert(Code(outermost)) }
            guard let consumer = group.consumer else { continue }
            for frame in group.stack.frames where frame.isApplication {
                consumers[Code(frame), default: []].insert(consumer)
            }
        }
    }

    func of(_ sample: StackSample) -> [String] {
        let turn = sample.stack.turn
        var owners = ["\(turn != nil || loops.contains(sample.thread) ? "loop" : "thread") \(sample.thread)"]
        if let consumer = sample.consumer ?? consumer(of: sample.stack) { owners.append("consumer \(consumer)") }
        if let task = sample.task { owners.append("task \(task)") }
        if sample.task == nil, let first = turn?.first, tasks.contains(Code(first)) {
            owners.append("task \(first.function)")
        }
        return owners
    }

    private func consumer(of stack: StackTrace) -> String? {
        for frame in stack.frames.reversed() where frame.isApplication {
            if let known = consumers[Code(frame)], known.count == 1 { return known.first }
        }
        return nil
    }
}

extension Frame {
    /// Parts of paths that mark code of the interpreter, of installed packages, or of a toolchain. Each begins a part of the path, or
    /// is the interpreter's own word for what has none.
    private static let libraryMarks: [[UInt8]] = [
        "/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", "/checkouts/", "/swift-nio/",
        // The embedded runtime is a library of its applications, also where both are built together.
        "/Sources/ConsumerRuntime/", "/Sources/RealtimeServer/", "/Sources/EmbeddedProbe/",
    ].map { Array($0.utf8) }

    /// Whether the frame is the application's own code, as far as its path tells.
    public var isApplication: Bool {
        guard kind != .logical else { return true }
        // Debug information of system libraries has paths relative to where they were built.
        guard let file, kind == .python || file.hasPrefix("/") else { return false }
        return !Self.isLibrary(file)
    }

    /// Asked of every frame of every stack: where all stacks differ, as in deep recursion, the standard library's search for
    /// each mark took three quarters of the whole report's time.
    private static func isLibrary(_ path: String) -> Bool {
        var path = path
        return path.withUTF8 { bytes in
            bytes.indices.contains { start in
                guard bytes[start] == UInt8(ascii: "/") || bytes[start] == UInt8(ascii: "<") else { return false }
                return libraryMarks.contains { bytes[start...].starts(with: $0) }
            }
        }
    }
}
