import Observations

/// Which frames are read once in a call that reads all others twice, and when that is worth it.
///
/// Each range of the call takes a third of a microsecond, and before 3.11 each frame is an object somewhere. So a frame far
/// out is read once in the calm manner, after the first reading of the frames within it and before their second: what those
/// agree on was running all the time, and what called it stood still. A thread would have to return through `depth`
/// frames and call them all again meanwhile; so that it can do no more than that, the call must be quick.
struct ReadOnce {
    /// How far out a frame must be to be read once.
    static let depth = 16
    /// How long the call may then take: usually it is some 3 µs.
    static let limit = Nanoseconds(30_000)
    /// Frames that are objects change places: preparing the calls anew takes as long as is saved in so many walks, and so
    /// many may be saved up.
    private static let (regroupCost, mostCredit) = (16, 256)

    /// Whether any frame may be.
    private(set) var isAllowed = true
    /// Whether the next calm reading is to be prepared anew, by where the last walk found the frames.
    private(set) var regroups = false
    private var credit = ReadOnce.mostCredit

    /// A reading was made.
    mutating func noteReading() {
        if credit < Self.mostCredit { credit += 1 }
    }

    /// A frame that was read once is not far out any more. The walk after this one, which reads everything twice, tells where
    /// they are now.
    mutating func noteTooNear() {
        regroups = true
        credit -= Self.regroupCost
        if credit < 0 { isAllowed = false }
    }

    /// The calls were prepared.
    mutating func notePrepared() { regroups = false }

    /// Begins anew, at the end of a window.
    mutating func renew() { (isAllowed, regroups, credit) = (true, true, Self.mostCredit) }
}
