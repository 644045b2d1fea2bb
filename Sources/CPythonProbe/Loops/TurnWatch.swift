import Observations

/// What a loop's thread was last seen doing.
enum LoopActivity {
    /// Waiting for events, or nothing of Python.
    case waiting
    /// Inside a turn, in this stack.
    case working(StackTrace, Occupation)
    /// Not sampled since the last look.
    case unknown
}

/// Finds turns of one loop that do not end: the loop's thread is outside its wait for events, sample after sample, and
/// no tick has passed.
///
/// A turn of asyncio has its exact beginning in memory; its end is known to one look. Pure: times, identities and stacks
/// come in, blocks come out. A turn is as long as the thread itself took over it: what it waited for a processor, or for the
/// interpreter's lock while another thread had it, a loaded machine adds to every turn.
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
        var stacks: [StackTrace: Int] = [:]
        var held: HeldTime
        /// The clock as of the last look that belongs to it, or to its end.
        var clock: ThreadClock.Reading?
        var served: (consumer: String?, message: String?)?

        mutating func pass(
            _ now: Moment, _ occupation: Occupation, from before: ThreadClock.Reading?, to clock: ThreadClock.Reading?
        ) {
            held.add(now - last, occupation, from: before, to: clock)
            last = now
        }
    }

    private var turn: Turn?
    private var lastLook: Moment?
    private var lastClock: ThreadClock.Reading?
    private var finished: [Block] = []

    /// Takes a look: `identity` tells this turn from the next, `begun` is when it began, if that is known; `activity` is
    /// what was sampled between the last look and this one, `clock` what the kernel has counted of the thread. Of a turn that
    /// lasts `served` is asked whom it serves.
    mutating func look(
        at now: Moment, identity: UInt64, begun: Moment?, activity: LoopActivity, clock: ThreadClock.Reading?,
        served: () -> (consumer: String?, message: String?)?
    ) {
        let isDisturbed = lastLook.map { now - $0 > Self.gap } ?? false
        lastLook = now
        lastClock = lastClock ?? clock
        defer { lastClock = clock }
        guard !isDisturbed, turn?.identity == identity else {
            // The kernel adds a wait up when it is over, so what ends is asked once more.
            turn?.clock = clock
            if isDisturbed { turn = nil } else { end() }
            begin(identity, begun ?? now, isDisturbed ? now : nil, now, activity, clock)
            return
        }
        turn?.clock = clock
        switch activity {
        case .unknown: turn?.pass(now, .waiting, from: lastClock, to: clock)
        case .waiting:
            end()
            // Where the counter of turns stands still while the loop waits, the next turn begins when it stops waiting.
            begin(identity, now, nil, now, activity, clock)
        case .working(let stack, let occupation):
            turn?.pass(now, occupation, from: lastClock, to: clock)
            extend(stack, served)
        }
    }

    /// Begins a turn, of which only what has passed since `known` can be judged: all, when that is `nil`.
    private mutating func begin(
        _ identity: UInt64, _ since: Moment, _ known: Moment?, _ now: Moment, _ activity: LoopActivity,
        _ clock: ThreadClock.Reading?
    ) {
        let since = min(since, now)
        var turn = Turn(
            identity: identity, since: since, last: known ?? since, held: HeldTime(from: lastClock), clock: clock)
        var occupation = Occupation.waiting
        if case .working(_, let seen) = activity { occupation = seen }
        turn.pass(now, occupation, from: lastClock, to: clock)
        self.turn = turn
    }

    private mutating func extend(_ stack: StackTrace, _ served: () -> (consumer: String?, message: String?)?) {
        guard var turn else { return }
        turn.samples += 1
        if turn.samples >= Self.interesting {
            turn.stacks[stack, default: 0] += 1
        }
        if turn.samples >= Self.enough, turn.served == nil, turn.last - turn.since >= Self.threshold {
            turn.served = served()
        }
        self.turn = turn
    }

    private mutating func end() {
        if let block = turn.flatMap(Self.block), finished.count < Self.blockLimit { finished.append(block) }
        turn = nil
    }

    /// A turn as a block; `nil` when it was short, or was not the code's own fault.
    private static func block(of turn: Turn) -> Block? {
        let held = turn.held.settled(at: turn.clock)
        guard turn.samples >= enough, held >= threshold,
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
