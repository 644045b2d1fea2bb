import Observations
import RemoteProcess

/// A thread under observation: what takes its samples, what the kernel says of it, and what was seen of it last.
///
/// One thread: the sampler's.
final class WatchedThread {
    let sampler: ThreadSampler
    /// The kernel's id of it, as seen from here.
    let tid: Int32
    let name: String
    /// Its number in the first word of its stacks.
    let number: UInt64
    private(set) var activity = StackSample.Activity.running
    /// The CPU it ran on last; -1 when that is not known.
    private(set) var cpu: Int32 = -1
    /// Index of the stack sampled last; `nil` when the last look at it found nothing new.
    var lastStack: Int?
    /// Whether it ran no Python then.
    var runsNothing = false

    /// The bridge call that it ran at the last look.
    var call: UInt64?
    /// Whether it has slept since the last look: then it is where it was, and nothing of it needs to be read.
    private(set) var isResting = false
    /// What the kernel had counted of it at the last look.
    private(set) var reading: ThreadClock.Reading?

    let clock: ThreadClock
    private let state: ThreadState?
    /// Stops it while it is read, if that was asked for.
    let stopper: ThreadStopper?

    init(_ sampler: ThreadSampler, tid: Int32, in pid: Int32, number: UInt64, isBlocking: Bool) {
        stopper = isBlocking ? ThreadStopper(tid: tid) : nil
        self.sampler = sampler
        self.tid = tid
        self.number = number
        name = TargetThreads.name(of: tid, in: pid)
        state = try? ThreadState(of: tid, in: pid)
        clock = ThreadClock(of: tid, in: pid)
    }

    /// Reads whether it runs, and where.
    func readActivity() {
        let before = reading
        reading = clock.read()
        // Whoever sleeps and is given no processor cannot have done anything.
        isResting = activity == .idle && reading != nil && reading?.turns == before?.turns
        if isResting { return }
        guard let now = state?.read() else { return }
        activity = now.state == UInt8(ascii: "R") ? .running : .idle
        cpu = now.processor
    }
}
