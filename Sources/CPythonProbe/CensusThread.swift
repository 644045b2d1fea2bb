import CPythonLayouts
import Clocks
import Glibc
import Observations
import RemoteProcess
import Synchronization
import TargetMemory

/// The thread that takes censuses: two within the first half second, then as often as their cost allows.
final class CensusThread: Sendable {
    /// A census is taken no sooner than this many times its own cost after the last one: on a server with very many connections
    /// all of them take one part in so many of a core.
    private static let thrift: Int64 = 100
    private static let settling = Nanoseconds.milliseconds(4_050)
    private static let (soonest, usual) = (Nanoseconds.milliseconds(400), Nanoseconds.seconds(1))
    /// The collector's lists are walked again this long after suspicion arose the last time.
    private static let typesEvery = Nanoseconds.seconds(10)

    private let process: PythonProcess
    private let sink: any ObservationSink
    private let control: Control
    private let isDone = Atomic<Bool>(false)

    init(_ process: PythonProcess, _ sink: any ObservationSink, _ control: Control) {
        self.process = process
        self.sink = sink
        self.control = control
    }

    /// Takes censuses until asked to stop; blocks the calling thread.
    func run() {
        defer { isDone.store(true, ordering: .releasing) }
        let taker = CensusTaker(process, runs: control.calls)
        var cpu = Nanoseconds.threadCPU().count
        var (taken, hadCalls) = (0, true)
        var begun: Moment?
        var counters = BridgeCounters(process)
        var dispatches = DispatchCounter(process)
        var typesDue = Moment.now()
        while !control.isStopped, .now() < control.deadline {
            let (start, cpuBefore) = (Moment.now(), Nanoseconds.threadCPU().count)
            var census: Census
            do throws(RemoteReadError) { census = try taker.take(at: start) } catch {
                if error == .gone || error == .notPermitted { return }
                // A target that moves can make any single look fail.
                wait(until: start + Self.soonest)
                continue
            }
            begun = begun ?? start
            taken += 1
            control.loops.withLock { $0 = census.loops }
            dispatches.note(&census)
            var observations: [Observation] = census.methods.map { .method($0) }
            observations += [.tasks(census.tasks), .connections(census.connections)]
            // That no call is under way any more is worth knowing once.
            let bridges = census.bridges ?? BridgeCensus(time: start, pid: process.pid, grade: .read, calls: [])
            if !bridges.calls.isEmpty || hadCalls { observations.append(.bridges(bridges)) }
            hadCalls = !bridges.calls.isEmpty
            observations += counters.events(at: start).map(Observation.bridge)
            // At the start, and later whenever a consumer outlives its socket.
            if start >= typesDue, taken == 1 || census.connections.instances.contains(where: { $0.socket == .closed }),
                let types = try? taker.types(at: start)
            {
                typesDue = start + Self.typesEvery
                observations.append(.types(types))
            }
            let cpuNow = Nanoseconds.threadCPU().count
            observations.append(.impact(Impact(observerCPU: Nanoseconds(cpuNow - cpu))))
            cpu = cpuNow
            sink.record(observations)
            // Processor time, with what it takes to hand the census on: a wait for a processor costs nobody anything, and on a
            // crowded machine it would be most of it.
            let cost = Nanoseconds.threadCPU().count - cpuBefore
            var thrifty = start + max(Self.usual, Nanoseconds(cost * Self.thrift))
            if dispatches.isWatching { thrifty = min(thrifty, start + DispatchCounter.toldWithin) }
            let next = due(after: taken, census, begun: begun ?? start, thrifty)
            if dispatches.isWatching { wait(until: next) { dispatches.look() } } else { wait(until: next) }
        }
        // How many are left is worth knowing at the end, if the target is still there.
        if let types = try? taker.types(at: .now()) { sink.record([.types(types)]) }
    }

    /// When the next census is due. The first finds every cache cold; the second comes at once, so that motion can be told.
    /// Where there may be something to tell, one comes when four seconds are over, whatever it costs: then what is honest
    /// has ended.
    private func due(after taken: Int, _ census: Census, begun: Moment, _ thrifty: Moment) -> Moment {
        let last = census.connections.time
        if taken == 1 { return last + Self.soonest }
        let isSuspect =
            !census.connections.instances.isEmpty || census.connections.layers.contains { $0.stale ?? 0 > 0 }
        let settled = begun + Self.settling
        return isSuspect && settled > last ? min(thrifty, settled) : thrifty
    }

    /// Waits until `run` has ended.
    func join() {
        while !isDone.load(ordering: .acquiring) { Moment.sleep(until: .now() + .milliseconds(1)) }
    }

    private func wait(until moment: Moment) {
        while !control.isStopped, .now() < min(moment, control.deadline) {
            control.sleep(min(moment, control.deadline) - .now())
        }
    }

    private func wait(until moment: Moment, meanwhile look: () -> Void) {
        while !control.isStopped, .now() < min(moment, control.deadline) {
            look()
            control.sleep(min(moment - .now(), DispatchCounter.pause))
        }
    }
}
