package import CLinux
import Glibc
package import Observations

/// CLOCK_MONOTONIC for who asks for it at each of a hundred thousand messages a second: half the price of the kernel's own.
///
/// The kernel is asked each ten milliseconds; in between the processor's counter tells how much time has passed since. What
/// it tells is within `accuracy` of CLOCK_MONOTONIC, and never before what it told last. Where the kernel itself does not
/// trust the counter, and until its rate is known (the first fifth of a second), the kernel is asked each time.
///
/// A value with one owner, on one thread at a time.
package struct CounterClock {
    /// How far it can be from CLOCK_MONOTONIC, with a counter of 1 GHz or more: half of the widest reading, and as much again
    /// for the rate.
    package static let accuracy = Nanoseconds.microseconds(4)
    /// For how long the counter is followed until the kernel is asked again.
    package static let reach = Nanoseconds.milliseconds(10)
    /// The least time in which the counter's rate is measured.
    package static let span = Nanoseconds.milliseconds(100)
    /// The widest reading that is used, in counts: when the thread was interrupted within it, nobody knows where.
    package static let widest: UInt64 = 4096

    /// Where the counter and the kernel's clock were at one instant.
    private struct Pair {
        var counter: UInt64
        var time: Int64
    }

    /// The last time the kernel was asked.
    @usableFromInline package var counter: UInt64 = 0
    @usableFromInline package var time: Int64 = 0
    /// How many counts after that the kernel is to be asked again.
    @usableFromInline package var limit: UInt64 = 0
    /// Nanoseconds of a count, in parts of 2^32.
    @usableFromInline package var rate: UInt64 = 0
    /// What was told last.
    @usableFromInline package var told: Int64 = .min
    /// Since when the rate is being measured, and what it was the last time.
    private var base: Pair?
    private var measured: UInt64 = 0

    /// A clock that knows nothing yet.
    package init() {}

    /// Now, in nanoseconds.
    @inlinable @inline(__always)
    package mutating func now() -> Int64 {
        let passed = ls_counter() &- counter
        // A counter that went backwards is as far away as can be.
        guard passed < limit else { return askKernel() }
        told = max(told, time &+ Int64(truncatingIfNeeded: (passed &* rate) >> 32))
        return told
    }

    /// Asks the kernel, and follows the counter from there.
    @inline(never) @usableFromInline
    package mutating func askKernel() -> Int64 {
        guard Self.isTrusted else { return tell(Moment.now().nanoseconds) }
        var narrowest = Self.read()
        var readings = 1
        while narrowest.end &- narrowest.begin >= Self.widest, readings < 3 {
            let next = Self.read()
            if next.end &- next.begin < narrowest.end &- narrowest.begin { narrowest = next }
            readings += 1
        }
        return follow(from: narrowest.begin, to: narrowest.end, time: narrowest.time)
    }

    /// The kernel said `time` between two readings of the counter.
    package mutating func follow(from begin: UInt64, to end: UInt64, time: Int64) -> Int64 {
        limit = 0
        let width = end &- begin
        guard width < Self.widest else { return tell(time) }
        let pair = Pair(counter: begin &+ width / 2, time: time)
        measure(pair)
        (counter, self.time) = (pair.counter, pair.time)
        if rate > 0 { limit = (UInt64(Self.reach.count) << 32) / rate }
        return tell(time)
    }

    /// The counter's rate from the last measurement to this. It is used when that before it was the same to a thousandth:
    /// otherwise the machine slept meanwhile, or was moved to another.
    private mutating func measure(_ pair: Pair) {
        guard let base else { return self.base = pair }
        let passed = pair.time &- base.time
        guard passed >= Self.span.count else { return }
        self.base = pair
        let found = Self.rate(UInt64(passed), pair.counter &- base.counter)
        rate = max(found, measured) - min(found, measured) <= found >> 10 ? found : 0
        measured = found
    }

    /// 0 when it is none: counters have 0.1 to 8 GHz.
    private static func rate(_ time: UInt64, _ counts: UInt64) -> UInt64 {
        guard counts > time >> 4 else { return 0 }
        let (rate, _) = counts.dividingFullWidth((time >> 32, time << 32))
        return (1 << 29...10 << 32).contains(rate) ? rate : 0
    }

    private mutating func tell(_ time: Int64) -> Int64 {
        told = max(told, time)
        return told
    }

    private static func read() -> (begin: UInt64, time: Int64, end: UInt64) {
        let begin = ls_counter()
        let time = Moment.now().nanoseconds
        return (begin, time, ls_counter())
    }
}

extension CounterClock {
    /// Whether the kernel follows the counter itself, which it stops to do when the processors' counters disagree, and the
    /// processor says that it is steady.
    package static let isTrusted = ls_counter_is_steady() != 0 && clockSource == "tsc"

    /// What the kernel's clocks follow (Documentation/ABI/testing/sysfs-devices-system-clocksource): empty when it does not say.
    private static let clockSource: String = {
        let file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let text = [UInt8](unsafeUninitializedCapacity: 64) { $1 = max(0, Glibc.read(file, $0.baseAddress, 64)) }
        return String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }()
}
