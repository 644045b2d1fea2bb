import Observations
import Statistics

/// Short stretches of time in which the start of a loop's tick was read again and again: how long the ticks were that
/// were seen whole.
///
/// Pure: readings and their times come in, lengths come out.
struct TickStretches {
    /// A tick must be this many readings long to be seen whole: several shorter ones may have been taken for one.
    private static let resolution = 4.0

    /// How long the ticks were, from their start to the next one's.
    private(set) var durations = DurationHistogram()
    private var last: (start: Double, read: Moment)?

    /// Begins a stretch.
    mutating func begin() { last = nil }

    /// Takes a reading: the start of the present tick on the loop's clock, in seconds; `nil` while the loop waits.
    mutating func note(_ start: Double?, at now: Moment) {
        guard let start else { return }
        if let last, last.start != start {
            let length = (start - last.start) * 1e9
            // A number that is no time of late was another object's: its own was freed meanwhile.
            if length > Self.resolution * Double((now - last.read).count), length < 1e10 {
                durations.record(Int64(length))
            }
        }
        last = (start, now)
    }
}
