public import Observations

/// A window as the sampler leaves it: counted, and not yet put into words. Goes from thread to thread with its table.
struct StackTally: ~Copyable, Sendable {
    private(set) var table: StackTable?
    let start: Moment
    let end: Moment
    /// The time a sample stands for; `nil` when they were taken without a pause.
    let interval: Nanoseconds?
    /// Id and name of each thread, by the number in the first word of its stacks.
    let threads: [UInt64: (tid: Int32, name: String)]
    /// How many of them were sampled.
    let watched: Int
    let quality: SampleQuality
    let loops: [LoopWindow]
    let blocks: [LoopBlock]
    let stops: Int

    init(
        table: consuming StackTable, start: Moment, end: Moment, interval: Nanoseconds?,
        threads: [UInt64: (tid: Int32, name: String)], watched: Int, quality: SampleQuality, loops: [LoopWindow],
        blocks: [LoopBlock], stops: Int
    ) {
        self.table = consume table
        (self.start, self.end, self.interval) = (start, end, interval)
        (self.threads, self.watched, self.quality) = (threads, watched, quality)
        (self.loops, self.blocks, self.stops) = (loops, blocks, stops)
    }

    /// Runs `body` on the table, unless it has been taken.
    mutating func withTable(_ body: (inout StackTable, borrowing StackTally) -> Void) {
        guard var present = table.take() else { return }
        body(&present, self)
        table = consume present
    }

    /// The table, for the sampler to use again; nothing is left here.
    mutating func takeTable() -> StackTable? { table.take() }
}

extension StackSampler {
    /// What was seen in a window.
    public struct Window: Sendable {
        /// The stacks, each with its count.
        public var stacks: [StackSample] = []
        /// How good the samples were.
        public var quality = SampleQuality()
        /// What the event loops did.
        public var loops: [LoopWindow] = []
        /// Turns of them that did not end.
        public var blocks: [LoopBlock] = []
        /// How often a thread of the target was stopped.
        public var stops = 0
        /// The target has ended.
        public var isGone = false

        /// Adds what was seen in the window after it.
        mutating func add(_ next: Window) {
            stacks = stacks.isEmpty ? next.stacks : StackSample.merged(stacks + next.stacks)
            quality += next.quality
            loops += next.loops
            blocks += next.blocks
            stops += next.stops
        }
    }
}
