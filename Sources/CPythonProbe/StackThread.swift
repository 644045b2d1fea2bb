import CPythonLayouts
import Clocks
import Observations
import RemoteProcess
import Synchronization
import TargetMemory

/// The thread that samples stacks and ticks, and hands what it counted to another once a second, which puts it into words.
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
        let desk = StackDesk()
        let (process, sink) = (process, sink)
        OwnThread.run("ls-windows") { desk.work(StackDrawing(process), into: sink) }
        defer { desk.close() }
        var (bytes, cpu) = (process.memory.byteCount, Nanoseconds.threadCPU().count)
        var start = Moment.now()
        while true {
            // A window that could not be handed over, because the one before is still being read, goes on for a slice.
            let due = min(max(start + Self.report, .now() + Self.slice), control.deadline)
            var isGone = false
            repeat {
                isGone = !sampler.sample(until: min(.now() + Self.slice, due))
                if let table = desk.takeBack() { sampler.takeBack(table) }
            } while .now() < due && !isGone && !control.isStopped && !sampler.isCrowded
            let isLast = isGone || control.isStopped || .now() >= control.deadline
            // Only at the end is there time to wait.
            if isLast, let table = desk.waitForTable() { sampler.takeBack(table) }
            if let tally = sampler.handOver(from: start, loops: control.loops.withLock { $0 }) {
                start = tally.end
                let (bytesNow, cpuNow) = (process.memory.byteCount, Nanoseconds.threadCPU().count)
                let impact = Impact(
                    stops: tally.stops, bytesRead: bytesNow - bytes, observerCPU: Nanoseconds(cpuNow - cpu))
                desk.submit(tally, impact)
                (bytes, cpu) = (bytesNow, cpuNow)
            }
            switch isGone ? fateOfTheGone() : process.identity.fate() {
            case .same: if isGone { return .targetReplaced }
            case .replaced: return .targetReplaced
            default: return .targetExited
            }
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
