public import Observations

/// The hottest application code of one loop, consumer or task: what is said when no detector explains a busy loop.
public struct HotSpot: Hashable, Sendable {
    /// Whose: `loop MainThread`, `consumer ChatConsumer`, `task Task-7`.
    public var owner: String
    /// Innermost application frame of the heaviest stacks.
    public var frame: Frame
    /// Share of the owner's time.
    public var percent: Double

    /// One hot spot for each thread, consumer and task that took a noticeable share, heaviest first.
    public static func find(in evidence: Evidence) -> [HotSpot] {
        let stacks = evidence.profile.stacks
        let whole = evidence.profile.total.seconds
        guard whole > 0 else { return [] }
        var groups: [(owner: String, stacks: [StackSample])] = []
        for (thread, mine) in Dictionary(grouping: stacks, by: \.thread) { groups.append(("loop \(thread)", mine)) }
        for (consumer, mine) in Dictionary(grouping: stacks.filter { $0.consumer != nil }, by: \.consumer) {
            groups.append(("consumer \(consumer ?? "")", mine))
        }
        for (task, mine) in Dictionary(grouping: stacks.filter { $0.task != nil }, by: \.task) {
            groups.append(("task \(task ?? "")", mine))
        }
        return groups.compactMap { spot(of: $0.owner, in: $0.stacks, whole: whole) }
            .sorted { ($0.percent, $1.owner) > ($1.percent, $0.owner) }
            .prefix(12).map { $0 }
    }

    private static func spot(of owner: String, in stacks: [StackSample], whole: Double) -> HotSpot? {
        let total = stacks.reduce(Nanoseconds.zero) { $0 + $1.weight }.seconds
        guard total > whole * 0.02 else { return nil }
        var weights: [Frame: Double] = [:]
        for sample in stacks {
            guard var frame = sample.stack.frames.last(where: \.isApplication) ?? sample.stack.leaf else { continue }
            frame.line = nil
            weights[frame, default: 0] += sample.weight.seconds
        }
        guard
            let (frame, weight) = weights.max(by: { ($0.value, $1.key.function) < ($1.value, $0.key.function) })
        else { return nil }
        return HotSpot(owner: owner, frame: frame, percent: weight / total * 100)
    }
}

extension Frame {
    /// Parts of paths that mark code of the interpreter, of installed packages, or of a toolchain.
    private static let libraryMarks = [
        "/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", "/checkouts/", "/swift-nio/",
        // The embedded runtime is a library of its applications, also where both are built together.
        "/Sources/ConsumerRuntime/", "/Sources/RealtimeServer/", "/Sources/EmbeddedProbe/",
    ]

    /// Whether the frame is the application's own code, as far as its path tells.
    public var isApplication: Bool {
        guard kind != .logical else { return true }
        // Debug information of system libraries has paths relative to where they were built.
        guard let file, kind == .python || file.hasPrefix("/") else { return false }
        return !Self.libraryMarks.contains { file.contains($0) }
    }
}
