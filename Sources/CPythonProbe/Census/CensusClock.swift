import Clocks
import Glibc
import Observations

/// When a census is taken, by both clocks: targets keep wall-clock times.
struct CensusClock {
    /// Now.
    let now: Moment
    /// The same instant as seconds since 1970.
    let wallClock: Double

    /// The clock of a census at `now`.
    init(now: Moment) {
        self.now = now
        wallClock = WallClock.now()
    }

    /// A wall-clock time of the target as a moment; never one to come.
    func moment(ofWallClock seconds: Double) -> Moment {
        let age = max(0, min(wallClock - seconds, 1e9))
        return now + Nanoseconds(-Int64(age * 1e9))
    }
}
