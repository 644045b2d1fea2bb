import Observations

/// Finds the threads that look like event loops, and what each used of a CPU between two samples.
struct LoopThreads {
    private var last: ProcessSample?

    /// The windows between the sample before and this one; none for the first.
    ///
    /// A loop is a thread that SwiftNIO named (`NIO-ELT-*`), or else the main thread of a process that waits through
    /// epoll, as asyncio and uvloop do. What the loop did with its time is not known from here, so only CPU is told.
    mutating func windows(to sample: ProcessSample, hasEpoll: Bool) -> [LoopWindow] {
        defer { last = sample }
        guard let last, last.pid == sample.pid else { return [] }
        var loops = sample.threads.filter { $0.name.hasPrefix("NIO-ELT-") }
        if loops.isEmpty, hasEpoll { loops = sample.threads.filter { $0.tid == sample.pid } }
        return loops.compactMap { thread in
            guard let before = last.threads.first(where: { $0.tid == thread.tid }), before.name == thread.name else {
                return nil
            }
            return LoopWindow(
                start: last.time, length: sample.time - last.time, pid: sample.pid, loop: String(thread.tid),
                thread: thread.name, grade: .sampled, threadCPU: max(thread.cpu - before.cpu, .zero))
        }
    }
}
