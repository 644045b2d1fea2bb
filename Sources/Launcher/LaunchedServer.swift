import Glibc
public import ProcessProbe
import RemoteProcess
import Synchronization

/// A server that loopscope started, and may therefore signal.
///
/// It runs in a session of its own, so that Ctrl-C at the terminal reaches it through us and in our order.
public final class LaunchedServer: Sendable {
    /// The process.
    public let pid: Int32
    /// What it wrote last.
    public let log: LogTail
    private let times = Mutex<(terminated: ContinuousClock.Instant?, ended: ContinuousClock.Instant?)>((nil, nil))

    private let others: @Sendable () -> [Int32]
    private let orphans: Orphans

    init(pid: Int32, log: LogTail, orphans: Orphans, others: @escaping @Sendable () -> [Int32]) {
        (self.pid, self.log, self.orphans, self.others) = (pid, log, orphans, others)
    }

    /// What is the server's although no line of parents leads to it any more: a daemon that it has become.
    var adopted: [Int32] {
        let known = others()
        return known + orphans.processes(of: pid).filter { !known.contains($0) }
    }

    /// Who serves, or looks after those that do: the process that was started, or the daemon that it has become.
    public var main: Int32 { isRunning ? pid : orphans.processes(of: pid).first ?? others().first ?? pid }

    /// Whether it runs; a process that has ended and is not yet reaped does not.
    public var isRunning: Bool {
        guard let line = try? ProcFS().read(pid, "stat", limit: 4096), let stat = ProcStat(parsing: line) else {
            return false
        }
        return stat.state != "Z"
    }

    /// It and everything it started.
    public var family: [Int32] {
        let children = [pid] + tree(below: pid)
        let adopted = adopted.flatMap { [$0] + tree(below: $0) }
        return children + adopted.filter { !children.contains($0) }
    }

    private func tree(below pid: Int32) -> [Int32] { ProcessTree(below: pid).descendants(of: pid) }

    /// Where it, or one of its workers, listens.
    public func listening() -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for member in family { sockets += ListeningSocket.all(of: member).filter { !sockets.contains($0) } }
        return sockets
    }

    /// Asks it to end (SIGTERM), as a deploy does.
    public func terminate() {
        let isFirst = times.withLock { times in
            defer { times.terminated = times.terminated ?? ContinuousClock().now }
            return times.terminated == nil
        }
        for process in [pid] + adopted { kill(process, SIGTERM) }
        guard isFirst else { return }
        Task.detached { [self] in
            // Its end is timed to this, whatever else goes on; whoever launched it kills it when it does not go.
            while isRunning || !adopted.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
            times.withLock { $0.ended = ContinuousClock().now }
        }
    }

    /// Passes a signal on that we were sent: to the master, or to the daemon that it has become.
    public func signal(_ number: Int32) { kill(main, number) }

    /// When it was asked to end.
    var terminationTime: ContinuousClock.Instant? { times.withLock { $0.terminated } }

    /// When it ended after that.
    var endTime: ContinuousClock.Instant? { times.withLock { $0.ended } }

    /// Stops it and all it started (SIGSTOP), as a host that hangs.
    public func freeze() { for member in family { kill(member, SIGSTOP) } }

    /// Lets it go on (SIGCONT).
    public func thaw() { for member in family { kill(member, SIGCONT) } }

    /// Ends it and all of its process group, without asking. The group is its own, and stays so until it is reaped.
    func killGroup() {
        for process in others() { kill(process, SIGKILL) }
        kill(-pid, SIGKILL)
        orphans.end(of: pid)
    }
}
