import Clocks
import Observations
import Synchronization

/// What is counted at nearly every message of an instance, by who runs its jobs: no object is touched, no reference counted.
///
/// The clock is read once for each job: when it begins, whoever had the loop until then ends, and with the last job of a
/// batch whoever still has it. So the writing of what a dispatch sent is time of that dispatch. What is rare is a function
/// of `InstanceMeter`, which saves what it needs of the registers. Valid as long as its meter; on its loop's thread.
package struct DispatchSeam {
    let cells: UnsafeMutablePointer<InstanceCells>
    let turn: UnsafeMutablePointer<LoopTurn>

    /// A job begins that dispatches a `websocket.receive`.
    ///
    /// - Returns: whether that was all: the first of a class is told to the meter.
    package func receiveBegins() -> Bool {
        guard let message = cells.pointee.receive else { return false }
        begin(message, at: turn.pointee.clock.now())
        return true
    }

    /// A dispatch ends that returned.
    package func dispatchReturned() {
        if end(.returned) { cells.pointee.owner?._withUnsafeGuaranteedRef { $0.unusualEnd() } }
    }

    /// A dispatch begins, and with it the time on the loop.
    @inline(__always)
    func begin(_ message: UnsafeMutablePointer<DispatchCells>, at now: Int64) {
        turn.pointee.jobBegins(at: now)
        cells.pointee.begin(message, at: now)
        hold()
    }

    /// From now on the loop's time is this instance's, until the next job begins or the batch ends.
    @inline(__always)
    func hold() {
        // The loop's list keeps alive who is in it.
        guard cells.pointee.isListed else { return }
        turn.pointee.dispatching.store(cells.pointee.lastLabel, ordering: .relaxed)
        turn.pointee.cells = cells
    }

    /// A dispatch ends; the time of that is not known yet.
    ///
    /// - Returns: whether there is more to be done than that.
    @inline(__always)
    func end(_ outcome: DispatchOutcome) -> Bool {
        guard cells.pointee.message != nil else { return false }
        cells.pointee.outcome = outcome
        return cells.pointee.isDisconnect || !cells.pointee.isListed
    }
}
