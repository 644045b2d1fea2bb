import Observations

/// What a loop's thread was last seen doing.
enum LoopActivity {
    /// Waiting for events, or nothing of Python.
    case waiting
    /// Inside a turn, in this stack. `isBarred` when it waits for the interpreter's lock, which another thread holds.
    case working(StackTrace, isBarred: Bool)
    /// Not sampled since the last look.
    case unknown
}

/// Finds turns of one loop that do not end: the loop's thread is outside its wait for events, sample after sample, and
/// no tick has passed.
///
/// A turn of asyncio has its exact beginning in memory; its end is known to one look. Pure: times, identities and stacks
/// come in, blocks come out.
struct TurnWatch {
    /// Turns shorter than this are no blocks.
    static let threshold = Nanoseconds.milliseconds(100)
    /// Two looks further apart than this saw two different things: we ourselves were held up.
    static let gap = Nanoseconds.milliseconds(150)
    /// Samples of one turn, at least, before its stacks are kept, and before it may be called a block.
    static let (interesting, enough) = (2, 4)
    private static let blockLimit = 64

    /// A block with what is needed to describe it.
    struct Block {
        var since: Moment
        var length: Nanoseconds
        var samples: Int
        var stack: StackTrace
        var consumer: String?
        var message: String?
    }

    private struct Turn {
        var identity: UInt64
        var since: Moment
        var last: Moment
        var samples = 0
        var barred = 0
        var stacks: [StackTrace: Int] = [:]
        /// Time in the run queue as of the last look before it, and since then: a thread that others keep from the processor takes
        /// as long over a short turn as over a block.
        var waitedBefore: Nanoseconds?
        var waited = Nanoseconds.zero
        var served: (consumer: String?, message: String?)?
    }

    private var turn: Turn?
    private var lastLook: Moment?
    private var lastWait: Nanoseconds?
    private var finished: [Block] = []

    /// What is asked for: at each look how long the thread has waited for a processor in all, and of a turn that lasts whom it
    /// serves.
    struct Questions {
        var runQueueWait: () -> Nanoseconds?
        var served: () -> (consumer: String?, message: String?)?
    }

    /// Takes a look: `identity` tells this turn from the next, `begun` is when it began, if that is known; `activity` is
    /// what was sampled between the last look and this one.
    mutating func look(
        at now: Moment, identity: UInt64, begun: Moment?, activity: LoopActivity, _ questions: Questions
    ) {
        let isDisturbed = lastLook.map { now - $0 > Self.gap } ?? false
        lastLook = now
        let wait = questions.runQueueWait()
        lastWait = lastWait ?? wait
        defer { lastWait = wait }
        guard !isDisturbed else {
            let waitedBefore = turn?.identity == identity ? turn?.waitedBefore : lastWait
            turn = nil
            begin(identity, begun ?? now, now)
            turn?.waitedBefore = waitedBefore
            return
        }
        // The kernel adds a wait up when it is over, so what ends is asked once more.
        if let wait, let before = turn?.waitedBefore { turn?.waited = wait - before }
        guard turn?.identity == identity else {
            end()
            return begin(identity, begun ?? now, now)
        }
        switch activity {
        case .unknown: break
        case .waiting:
            end()
            // Where the counter of turns stands still while the loop waits, the next turn begins when it stops waiting.
            begin(identity, now, now)
        case .working(let stack, let isBarred): extend(stack, isBarred, now, questions)
        }
    }

    private mutating func begin(_ identity: UInt64, _ since: Moment, _ now: Moment) {
        turn = Turn(identity: identity, since: min(since, now), last: now, waitedBefore: lastWait)
    }

    private mutating func extend(_ stack: StackTrace, _ isBarred: Bool, _ now: Moment, _ questions: Questions) {
        guard var turn else { return }
        turn.samples += 1
        turn.last = now
        if isBarred { turn.barred += 1 }
        if turn.samples >= Self.interesting {
            turn.stacks[stack, default: 0] += 1
        }
        if turn.samples >= Self.enough, turn.served == nil, turn.last - turn.since >= Self.threshold {
            turn.served = questions.served()
        }
        self.turn = turn
    }

    private mutating func end() {
        if let block = turn.flatMap(Self.block), finished.count < Self.blockLimit { finished.append(block) }
        turn = nil
    }

    /// A turn as a block; `nil` when it was short, or was not the code's own fault.
    private static func block(of turn: Turn) -> Block? {
        let held = turn.last - turn.since - turn.waited
        guard turn.samples >= enough, held >= threshold, turn.barred * 2 < turn.samples,
            let stack = turn.stacks.max(by: { ($0.value, $1.key.frames.count) < ($1.value, $0.key.frames.count) })?.key
        else { return nil }
        return Block(
            since: turn.since, length: held, samples: turn.samples, stack: stack, consumer: turn.served?.consumer,
            message: turn.served?.message)
    }

    /// The blocks that ended since the last call, and the one that lasts.
    mutating func takeBlocks() -> [Block] {
        defer { finished.removeAll() }
        return finished + [turn.flatMap(Self.block)].compactMap { $0 }
    }
}
