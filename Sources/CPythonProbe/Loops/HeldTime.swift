import Observations

/// How much of a stretch of time a thread itself took, look after look: what it spent waiting for a processor, or for the
/// interpreter's lock while another thread had it, is not its own.
///
/// Pure: times and readings come in.
struct HeldTime {
    /// The sum.
    private(set) var total = Nanoseconds.zero
    private var start: ThreadClock.Reading?
    private var span = Nanoseconds.zero

    /// A stretch that begins when the clock said so; `nil` where it is not read.
    init(from start: ThreadClock.Reading?) { self.start = start }

    /// Adds what has passed since the last look.
    mutating func add(
        _ length: Nanoseconds, _ occupation: Occupation, from before: ThreadClock.Reading?, to now: ThreadClock.Reading?
    ) {
        span = span + length
        guard let before, let now else {
            if occupation != .barred { total = total + length }
            return
        }
        switch occupation {
        case .barred: break
        // Not all of the length: a thread that could run may be in the run queue, and that wait is told when it is over.
        case .running: total = total + min(max(now.ran - before.ran, .zero), length + Self.tick)
        case .waiting, .locked: total = total + max(length - max(now.waited - before.waited, .zero), .zero)
        }
        // A wait that was told late belongs to looks before.
        total = min(total, span)
    }

    /// What is left when the clock was read once more: the kernel adds a wait up when it is over.
    func settled(at end: ThreadClock.Reading?) -> Nanoseconds {
        guard let start, let end else { return total }
        return max(min(total, span - (end.waited - start.waited)), .zero)
    }

    /// The kernel counts what has run at its ticks, so it comes in lumps.
    private static let tick = Nanoseconds.milliseconds(10)
}
