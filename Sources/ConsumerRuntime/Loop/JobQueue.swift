import Instruments

/// The jobs of a loop that are ready to run, in the order in which they became so. On the loop's thread only.
///
/// Every message passes through it. Unsafe on purpose: a ring of plain memory, without a check of exclusive access and
/// with one reference counted for each job. Its owner is the only one who has it.
final class JobQueue {
    /// A job, and who runs it: retained, since the job may be its task's last, or an actor's and outlive the task.
    /// With what the job begins, if it is to be dispatched.
    private typealias Entry = (job: UnownedJob, executor: Unmanaged<ConsumerExecutor>, begins: MessageKind?)

    private struct Ring {
        /// As many as there is room for: a power of two.
        var capacity = 64
        var entries = UnsafeMutablePointer<Entry>.allocate(capacity: 64)
        var first = 0
        var count = 0
    }

    private let ring: UnsafeMutablePointer<Ring>

    init() {
        ring = .allocate(capacity: 1)
        ring.initialize(to: Ring())
    }

    deinit {
        while ring.pointee.count > 0 { takeFirst().executor.release() }
        ring.pointee.entries.deallocate()
        ring.deallocate()
    }

    var isEmpty: Bool { ring.pointee.count == 0 }
    var count: Int { ring.pointee.count }

    func append(_ job: UnownedJob, of executor: ConsumerExecutor, begins: MessageKind?) {
        if ring.pointee.count == ring.pointee.capacity { grow() }
        let place = (ring.pointee.first &+ ring.pointee.count) & (ring.pointee.capacity &- 1)
        ring.pointee.entries[place] = (job, Unmanaged.passRetained(executor), begins)
        ring.pointee.count &+= 1
    }

    /// Takes the first job and runs it. There is one.
    func runFirst() {
        let (job, executor, begins) = takeFirst()
        executor.takeRetainedValue().run(job, begins: begins)
    }

    @inline(__always)
    private func takeFirst() -> Entry {
        let entry = ring.pointee.entries[ring.pointee.first]
        ring.pointee.first = (ring.pointee.first &+ 1) & (ring.pointee.capacity &- 1)
        ring.pointee.count &-= 1
        return entry
    }

    private func grow() {
        let old = ring.pointee
        ring.pointee.capacity = old.capacity * 2
        ring.pointee.entries = .allocate(capacity: old.capacity * 2)
        for number in 0..<old.count {
            ring.pointee.entries[number] = old.entries[(old.first + number) & (old.capacity - 1)]
        }
        ring.pointee.first = 0
        old.entries.deallocate()
    }
}
