import Instruments
import NIOCore
import Observations

/// Runs the jobs of one consumer on its event loop, so that a consumer needs no lock, and measures the time they take.
///
/// A task executor (SE-0417) for each consumer: which consumer a job belongs to is then known without asking.
/// `@unchecked Sendable`: touched on the loop's thread only, but for `enqueue`, which hands the job to that thread.
public final class ConsumerExecutor: TaskExecutor, @unchecked Sendable {
    /// The loop.
    public let home: ConsumerLoop
    /// Jobs run so far: a turn in which it did not change did not suspend.
    private(set) var jobs: UInt64 = 0
    /// Books the time; `nil` when nobody is to be told.
    let meter: InstanceMeter?
    /// The short way to it, for what happens at each message.
    private let seam: DispatchSeam?
    /// Called after each job: the server writes what the job left to be sent.
    var afterJob: (() -> Void)?
    /// What the job that is being enqueued is to dispatch.
    private var begins: MessageKind?
    /// Its type, where the kind does not say it.
    private var type = ""

    init(home: ConsumerLoop, meter: InstanceMeter?) {
        self.home = home
        self.meter = meter
        seam = meter?.seam
    }

    /// Takes a job from the concurrency runtime, on any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if home.loop.inEventLoop {
            home.enqueue(job, of: self, begins: begins)
        } else {
            home.loop.execute { self.home.enqueue(job, of: self, begins: nil) }
        }
    }

    /// Has who waits for a message to dispatch go on with it.
    ///
    /// The dispatch begins with the job, and not in the job: what `awaitManyDispatch` did itself between the message and its
    /// `dispatch`, it would do only after it has asked which executor it is on, at 300 instructions. The runtime enqueues
    /// the job within this call.
    @inline(__always)
    func resume(_ waiter: UnsafeContinuation<Message, any Error>, toDispatch message: Message) {
        let kind = message.kind
        // Matched and not compared: a comparison asks for its function.
        if case .receive = kind {} else { type = message.type }
        begins = kind
        waiter.resume(returning: message)
        begins = nil
    }

    // Here, and not where it is called from, the meter is known to live on: no reference is counted.

    func dispatchBegins(_ message: Message) { meter?.dispatchBegins(message.kind) { message.type } }
    func dispatchReturned() { seam?.dispatchReturned() }

    func run(_ job: UnownedJob, begins: MessageKind?) {
        jobs &+= 1
        if let seam {
            switch begins {
            case .receive? where seam.receiveBegins(): break
            default: otherJobBegins(begins)
            }
        } else {
            home.instrument?.otherJobBegins()
        }
        job.runSynchronously(on: asUnownedTaskExecutor())
        afterJob?()
    }

    @inline(never)
    private func otherJobBegins(_ begins: MessageKind?) {
        meter?.jobBegins(begins) { begins == .receive ? "websocket.receive" : type }
    }
}
