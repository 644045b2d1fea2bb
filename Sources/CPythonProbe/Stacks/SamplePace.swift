import Clocks
import Observations

/// When samples are due: at absolute moments, so that a late one does not delay the next ones. Deadlines that were missed
/// altogether are skipped: their samples would only crowd the next ones.
///
/// Without an interval there is no pause.
struct SamplePace {
    let interval: Nanoseconds?
    /// When the next sample is due, also one that lies beyond the present call.
    private var due = Moment(nanoseconds: .min)
    /// How often samples were taken in this window.
    private var rounds = 0

    /// So many times a second (hertz), between 0.1 and 1 000 000; without a pause when that is `nil`.
    init(rate: Double?) { interval = rate.map { Nanoseconds(Int64(1e9 / min(max($0, 0.1), 1e6))) } }

    /// Waits for the first sample of a call, no longer than until `deadline`.
    ///
    /// - Returns: the time after that.
    mutating func begin(until deadline: Moment) -> Moment {
        let now = Moment.now()
        guard due > now, interval != nil else {
            due = now
            return now
        }
        Moment.sleep(until: min(due, deadline))
        return .now()
    }

    /// Waits for the next sample, no longer than until `deadline`.
    ///
    /// - Returns: the time after that.
    mutating func next(until deadline: Moment) -> Moment {
        rounds += 1
        guard let interval else { return .now() }
        due = due + interval
        let now = Moment.now()
        if due < now { due = due + Nanoseconds((now - due).count / interval.count * interval.count) }
        Moment.sleep(until: min(due, deadline))
        return .now()
    }

    /// Ends a window.
    ///
    /// - Returns: the time that each of its samples stands for; `nil` when they were taken without a pause. A rate that nobody
    ///   can keep is kept less often, or the report's seconds would not add up.
    mutating func endWindow(from start: Moment, to end: Moment) -> Nanoseconds? {
        let share = Nanoseconds((end - start).count / Int64(max(rounds, 1)))
        rounds = 0
        return interval.map { max($0, share) }
    }
}
