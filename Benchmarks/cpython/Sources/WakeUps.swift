import CLinux
import Clocks
import Foundation
import Observations

/// What the machine takes for waking up at absolute deadlines and doing nothing then: below that no sampler can be.
struct WakeUps {
    private(set) var woken = 0
    /// Deadlines that were a whole interval past before the thread ran.
    private(set) var missed = 0
    /// Seconds of processor time, and of the clock.
    private(set) var (cpu, seconds) = (0.0, 0.0)

    var perSecond: Double { Double(woken) / max(seconds, 1e-9) }
    var missedPercent: Double { 100 * Double(missed) / Double(max(1, woken + missed)) }
    var microseconds: Double { cpu * 1e6 / Double(max(1, woken)) }
    var cores: Double { cpu / max(seconds, 1e-9) }

    /// Wakes up for so many seconds, on the calling thread: it sleeps as the sampler does, and skips deadlines as it does.
    mutating func run(hz: Double, seconds length: Double) {
        let interval = Nanoseconds(Int64(1e9 / hz))
        let (start, cpuStart) = (Moment.now(), Nanoseconds.threadCPU())
        let end = start + Nanoseconds(Int64(length * 1e9))
        var (now, due) = (start, start)
        while now < end {
            due = due + interval
            now = .now()
            if due < now {
                let past = (now - due).count / interval.count
                missed += Int(past)
                due = due + Nanoseconds(past * interval.count)
            }
            Moment.sleep(until: due)
            woken += 1
            now = .now()
        }
        cpu += Double(Nanoseconds.threadCPU().count - cpuStart.count) / 1e9
        seconds += Double((Moment.now() - start).count) / 1e9
    }

    /// The same by a thread as any program has it, but for its timer slack of 1 ns (proc_pid_timerslack_ns(5)). To be called
    /// before the calling thread is made punctual: a new thread has what its maker has.
    static func plain(hz: Double, seconds: Double) -> WakeUps {
        // Written before the semaphore is signalled, and read after that.
        final class Result: @unchecked Sendable { var value = WakeUps() }
        let (result, done) = (Result(), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            try? Data("1".utf8).write(to: URL(fileURLWithPath: "/proc/\(ls_gettid())/timerslack_ns"))
            result.value.run(hz: hz, seconds: seconds)
            done.signal()
        }
        done.wait()
        return result.value
    }
}
