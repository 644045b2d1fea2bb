import NIOCore

/// Runs the tasks of clients on their event loop (SE-0417): a client whose time has come is woken, and what it sends is written, without a word to
/// another thread.
final class LoopExecutor: TaskExecutor {
    /// The loop.
    let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Takes a job from the concurrency runtime, on any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // A turn of its own, on the loop's own thread too: a client that sends and sends leaves the others theirs.
        loop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
