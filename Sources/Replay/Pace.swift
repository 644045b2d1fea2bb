import Clocks
import NIOCore
import Observations

extension EventLoop {
    /// Waits until a moment, on this loop's timer: to the kernel's microseconds, where the default clock is free to be late.
    ///
    /// - Throws: `CancellationError`.
    func wait(until moment: Moment) async throws {
        try Task.checkCancellation()
        guard moment > .now() else { return }
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: moment.nanoseconds))
        let timer = scheduleTask(deadline: deadline) {}
        try await withTaskCancellationHandler {
            do { try await timer.futureResult.get() } catch { throw CancellationError() }
        } onCancel: {
            timer.cancel()
        }
    }
}
