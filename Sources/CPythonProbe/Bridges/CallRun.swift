import Observations

/// Calls of a sync bridge that had one thread, one right after the other, and how long they themselves held it.
///
/// A full queue of short calls never leaves the thread idle either, and on a machine with no processor to spare no look may
/// come upon the moment between two of them. So it is asked which call has the thread: short ones do not count, nor does the
/// time in which a call waited for a processor or for the interpreter's lock.
///
/// Pure: looks come in.
struct CallRun {
    /// Looks come each 10 ms. Of the time between two that are further apart so much is counted at most, unless the thread slept
    /// all the while: another call may have got the memory of the one before.
    static let gap = Nanoseconds.milliseconds(100)
    /// After so long without a look nothing is known of what was before.
    static let end = Nanoseconds.seconds(1)
    /// A call that held its thread for less than this is short.
    static let short = Nanoseconds.milliseconds(50)
    /// Short calls one after the other for so long, and whatever was before them is over.
    static let pause = Nanoseconds.milliseconds(100)

    /// What a look saw.
    struct Look {
        /// Which call it was: what no call that waits meanwhile shares with it.
        var call: UInt64
        var occupation: Occupation
        var clock: ThreadClock.Reading?
        /// What all threads of the process have waited for a processor: a call that waits for another thread waits for that.
        var starved = Nanoseconds.zero

        /// The clock that counts while it is occupied so.
        func clock(_ occupation: Occupation) -> ThreadClock.Reading? {
            guard occupation == .locked, var clock else { return clock }
            clock.waited = max(clock.waited, starved)
            return clock
        }
    }

    private(set) var last: Moment
    private var look: Look
    /// What the present call has held the thread for, and calls before it that were not short.
    private var (present, before) = (HeldTime(from: nil), Nanoseconds.zero)
    private var callStart: Moment
    private var shortSince: Moment?
    /// Whether the last look saw it outside calls: between two of them, or for good.
    private var isOutside = false

    init(_ look: Look, at now: Moment) {
        (self.look, last, callStart) = (look, now, now)
    }

    /// Since when the thread has been held, if it had been so without the pauses that are not the calls' own.
    var start: Moment { last + (.zero - before - present.total) }

    mutating func add(_ next: Look, at now: Moment) {
        if next.call == look.call, !isOutside {
            let isSame = look.clock != nil && look.clock?.turns == next.clock?.turns
            let length = isSame ? now - last : min(now - last, Self.gap)
            present.add(
                length, next.occupation, from: look.clock(next.occupation), to: next.clock(next.occupation))
        } else {
            end(at: now)
        }
        (look, last, isOutside) = (next, now, false)
    }

    /// A look that saw the thread outside calls. One may fall between any two: what is there counts as a short call.
    ///
    /// - Returns: whether it has been outside for so long that the run is over.
    mutating func leave(at now: Moment) -> Bool {
        if !isOutside { end(at: now) }
        (last, isOutside) = (now, true)
        return now - callStart >= Self.pause
    }

    private mutating func end(at now: Moment) {
        if present.total >= Self.short {
            before = before + present.total
            shortSince = nil
        } else {
            let since = shortSince ?? callStart
            if now - since >= Self.pause { before = .zero }
            shortSince = since
        }
        (present, callStart) = (HeldTime(from: nil), now)
    }
}
