import CLinux
import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import Synchronization
import TargetMemory

/// The thread that samples stacks and ticks, and reports once a second.
final class StackThread: Sendable {
    /// How soon a request to stop is seen.
    private static let slice = Nanoseconds.milliseconds(100)
    private static let report = Nanoseconds.seconds(1)

    private let process: PythonProcess
    private let options: PythonProbe.Options
    private let sink: any ObservationSink
    private let control: Control

    init(_ process: PythonProcess, _ options: PythonProbe.Options, _ sink: any ObservationSink, _ control: Control) {
        self.process = process
        self.options = options
        self.sink = sink
        self.control = control
    }

    /// Observes until asked to stop or until the target is gone; blocks the calling thread.
    func run() -> SessionEnd.Reason {
        let sampler = StackSampler(
            process, rate: options.rate, isBlocking: options.isBlocking, calls: control.calls)
        var (bytes, cpu) = (process.memory.byteCount, Nanoseconds.threadCPU().count)
        var isStarting = true
        while true {
            let start = Moment.now()
            let due = min(start + Self.report, control.deadline)
            var isGone = false
            while .now() < due, !isGone, !control.isStopped {
                isGone = !sampler.sample(until: min(.now() + Self.slice, due))
            }
            let window = sampler.takeWindow(from: start, loops: control.loops.withLock { $0 })
            let (bytesNow, cpuNow) = (process.memory.byteCount, Nanoseconds.threadCPU().count)
            let impact = Impact(
                stops: window.stops, bytesRead: bytesNow - bytes, observerCPU: Nanoseconds(cpuNow - cpu))
            (bytes, cpu) = (bytesNow, cpuNow)
            sink.record(
                window.stacks.map(Observation.stack) + window.loops.map(Observation.loop)
                    + window.blocks.map(Observation.block)
                    + [.quality(window.quality), .impact(impact)])
            switch isGone ? fateOfTheGone() : process.identity.fate() {
            case .same: if isGone { return .targetReplaced }
            case .replaced: return .targetReplaced
            default: return .targetExited
            }
            // Two thirds of what is resident by now was needed to start and to find out what the target is.
            if isStarting { _ = ls_release_program_pages() }
            isStarting = false
            if control.isStopped { return .interrupted }
            if .now() >= control.deadline { return .finished }
        }
    }

    /// What became of a target whose memory went. The memory of a dying process goes before /proc says that it has died,
    /// so a process that seems to live on is asked again for a moment.
    private func fateOfTheGone() -> ProcessIdentity.Fate {
        let end = Moment.now() + .milliseconds(500)
        while process.identity.fate() == .same, .now() < end { Moment.sleep(until: .now() + .milliseconds(1)) }
        return process.identity.fate()
    }
}
