import CLinux
import Clocks
public import Observations
import CPythonLayouts
import Dispatch
import Glibc
import RemoteProcess
import Synchronization
import TargetMemory

/// Observes a live CPython from outside: stacks, ticks, tasks, consumers. It reads, and does nothing else to it.
///
/// Two threads of its own: one samples stacks and ticks, one takes censuses. Both end when the target does, when it is
/// replaced by another program, or when the observing task is cancelled.
public struct PythonProbe: Probe {
    /// What to observe.
    public struct Options: Sendable {
        /// Stack samples a second of each thread; `nil` samples without a pause.
        public var rate: Double?
        /// How long to observe; `nil` until cancelled.
        public var duration: Nanoseconds?
        /// Whether each thread is stopped while its stack is read.
        public var isBlocking: Bool
        /// Our own version, for the recording.
        public var tool: String

        /// The defaults: 100 Hz until cancelled, without a stop.
        public init(rate: Double? = 100, duration: Nanoseconds? = nil, isBlocking: Bool = false, tool: String) {
            self.isBlocking = isBlocking
            self.rate = rate
            self.duration = duration
            self.tool = tool
        }
    }

    private let process: PythonProcess
    private let options: Options

    /// What the target is: `uvicorn 0.38.0 websockets/asyncio, CPython 3.13.5`.
    public let description: String

    /// Attaches to `pid`; takes a few milliseconds.
    public init(pid: Int32, options: Options) throws(PythonAttachError) {
        process = try PythonProcess(pid: pid)
        // Another tracer, a debugger say, is in the way of stopping and not of reading.
        if options.isBlocking, ThreadStopper(tid: pid).stop() == .refused { throw .notPermitted(pid) }
        description = TargetDescription(of: process).text
        self.options = options
    }

    /// Observes until cancelled, until `duration` is over, or until the target ends.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        let start = Moment.now()
        // Windows, and what is judged twice a second, are large arrays that are soon gone.
        _ = ls_return_large_memory()
        sink.record([
            .start(
                SessionStart(
                    time: start, wallClock: WallClock.now(), kind: .cpython, description: description, pid: process.pid,
                    grade: .read, tool: options.tool))
        ])
        let control = Control(deadline: options.duration.map { start + $0 } ?? Moment(nanoseconds: .max))
        let reason = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let census = CensusThread(process, sink, control)
                let stacks = StackThread(process, options, sink, control)
                OwnThread.run("ls-census") { census.run() }
                OwnThread.run("ls-stacks") {
                    let reason = stacks.run()
                    control.stop()
                    census.join()
                    continuation.resume(returning: reason)
                }
            }
        } onCancel: {
            control.stop()
        }
        return SessionEnd(time: .now(), reason: reason)
    }
}

/// What the two threads and the observing task share.
final class Control: Sendable {
    /// When observing ends by itself.
    let deadline: Moment
    private let stopped = Atomic<Bool>(false)
    private let stopping = DispatchSemaphore(value: 0)
    /// Loops that the censuses saw, for the watcher of ticks.
    let loops = Mutex<[RemoteAddress: String]>([:])
    /// Since when threads have been inside calls of a sync bridge, by the sampler.
    let calls = CallRuns()

    init(deadline: Moment) { self.deadline = deadline }

    /// Asks both threads to end.
    func stop() {
        stopped.store(true, ordering: .relaxed)
        stopping.signal()
    }

    /// Sleeps for a while, or until asked to stop. One thread.
    func sleep(_ length: Nanoseconds) {
        guard length > .zero else { return }
        _ = stopping.wait(timeout: .now() + .nanoseconds(Int(length.count)))
    }

    /// Whether they should end.
    var isStopped: Bool { stopped.load(ordering: .relaxed) }
}
