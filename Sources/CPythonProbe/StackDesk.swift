import CLinux
import Clocks
import Dispatch
import Observations
import Synchronization

/// Where the sampler leaves a window and another thread takes it, puts it into words and records it: the sampler never waits
/// for that, nor for whoever records.
///
/// One window at a time. `submit`, `takeBack`, `waitForTable` and `close` are the sampler's, `work` is the other thread's.
final class StackDesk: Sendable {
    /// Observations handed on at once: all of a window would be held twice.
    private static let batch = 256
    /// How often memory is given back to the kernel: what was needed to start, to take a census, or once in a while, is
    /// read again from the page cache when it is needed again. Some 0.5 ms of each second.
    private static let tidyEvery = Nanoseconds.seconds(1)

    private struct State: ~Copyable {
        var tally: StackTally?
        var impact = Impact()
        /// The table of a window that has been read.
        var table: StackTable?
        /// A window is submitted, and its table has not been taken back.
        var isLent = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let (submitted, returned, ended) = (
        DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )

    /// Leaves a window.
    func submit(_ tally: consuming sending StackTally, _ impact: Impact) {
        var tally: StackTally? = consume tally
        state.withLock { state in
            state.tally = tally.take()
            state.impact = impact
            state.isLent = true
        }
        submitted.signal()
    }

    /// The table of the window before, if it has been read.
    func takeBack() -> sending StackTable? {
        state.withLock { state in
            let table = state.table.take()
            if table != nil { state.isLent = false }
            return table
        }
    }

    /// The same, once it has been read; `nil` when there was no window.
    func waitForTable() -> sending StackTable? {
        guard state.withLock({ $0.isLent }) else { return nil }
        while true {
            if let table = takeBack() { return table }
            returned.wait()
        }
    }

    /// Ends the other thread when it has recorded everything, and waits for that.
    func close() {
        state.withLock { $0.isClosed = true }
        submitted.signal()
        ended.wait()
    }

    /// Reads windows until there are no more; blocks the calling thread.
    func work(_ drawing: StackDrawing, into sink: any ObservationSink) {
        defer { ended.signal() }
        // The sampler must not be late for us; we may be.
        _ = ls_step_back()
        var (tidyDue, cpu) = (Moment.now(), Nanoseconds.threadCPU().count)
        while true {
            submitted.wait()
            var impact = Impact()
            var tally = state.withLock { state in
                impact = state.impact
                return state.tally.take()
            }
            guard var present = tally.take() else {
                if state.withLock({ $0.isClosed }) { return }
                continue
            }
            let window = drawing.draw(&present)
            var table = present.takeTable()
            state.withLock { $0.table = table.take() }
            returned.signal()
            for start in stride(from: 0, to: window.stacks.count, by: Self.batch) {
                sink.record(window.stacks[start..<min(start + Self.batch, window.stacks.count)].map(Observation.stack))
            }
            if .now() >= tidyDue {
                tidyDue = .now() + Self.tidyEvery
                ls_release_freed_memory()
                _ = ls_release_program_pages()
            }
            let now = Nanoseconds.threadCPU().count
            impact.observerCPU = impact.observerCPU + Nanoseconds(now - cpu)
            cpu = now
            sink.record(
                window.loops.map(Observation.loop) + window.blocks.map(Observation.block)
                    + [.quality(window.quality), .impact(impact)])
        }
    }
}
