import Glibc
public import ProcessProbe
import RemoteProcess
import Synchronization

/// A server that loopscope started, and may therefore signal.
///
/// It runs in a session of its own, so that Ctrl-C at the terminal reaches it through us and in our order.
public final class LaunchedServer: Sendable {
    /// The process that was launched.
    public let pid: Int32
    /// What it wrote last.
    public let log: LogTail
    private let state = Mutex(State())
    private let kin: Kin
    private let adopted: @Sendable () -> [Int32]

    private struct State {
        var terminated: ContinuousClock.Instant?
        var ended: ContinuousClock.Instant?
        var outlived = 0
    }

    init(pid: Int32, mark: String, log: LogTail, adopted: @escaping @Sendable () -> [Int32]) {
        (self.pid, self.log, self.adopted) = (pid, log, adopted)
        kin = Kin(leader: pid, mark: mark)
    }

    /// Whether it runs, or anything that it has left behind.
    public var isRunning: Bool { Kin.runs(pid) || !left.isEmpty }

    /// How the process that was launched has ended; `nil` while it runs.
    var leaderEnd: ProcessEnd? { Kin.runs(pid) ? nil : ProcessEnd.of(pid) }

    /// Whether the server has failed: nothing of it runs, or its master has ended otherwise than a daemon's does, with 0.
    var hasFailed: Bool { leaderEnd.map { $0.code != 0 || !isRunning } ?? false }

    /// That the server has failed, with how and what it wrote; `nil` as long as it has not.
    public var death: LaunchError? {
        hasFailed ? .died(how: (leaderEnd ?? ProcessEnd()).words, log: log.lines) : nil
    }

    /// The process to look at: the one that was launched, or what listens of those it has left to go on alone (a daemon).
    public var leader: Int32 {
        if Kin.runs(pid) { return pid }
        let left = left
        return left.first { !ListeningSocket.all(of: $0).isEmpty } ?? left.first ?? pid
    }

    /// What is there of it although the process that was launched has ended.
    private var left: [Int32] {
        let adopted = adopted().filter { $0 != pid }
        return Kin.runs(pid) ? adopted : adopted + kin.running().filter { !adopted.contains($0) }
    }

    /// It and everything it started.
    public var family: [Int32] {
        let tree = ProcessTree(below: pid)
        let children = [pid] + tree.descendants(of: pid)
        return children + left.filter { !children.contains($0) }
    }

    /// Where it, or one of its workers, listens.
    public func listening() -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for member in family { sockets += ListeningSocket.all(of: member).filter { !sockets.contains($0) } }
        return sockets
    }

    /// Asks it to end (SIGTERM), as a deploy does; what outlives the process that was launched is asked then.
    public func terminate() {
        let isFirst = state.withLock { state in
            defer { state.terminated = state.terminated ?? ContinuousClock().now }
            return state.terminated == nil
        }
        let asked = Set([pid] + left)
        for process in asked { kill(process, SIGTERM) }
        guard isFirst else { return }
        // Its end is timed to this, whatever else goes on; whoever launched it kills it when it does not go.
        Task.detached { [self] in await followToTheEnd(asked) }
    }

    private func followToTheEnd(_ asked: Set<Int32>) async {
        let clock = ContinuousClock()
        var asked = asked
        while Kin.runs(pid) { try? await Task.sleep(for: .milliseconds(5)) }
        let leaderEnded = clock.now
        while true {
            let left = left
            guard !left.isEmpty else { break }
            for process in left where asked.insert(process).inserted { kill(process, SIGTERM) }
            // Workers of a master that has just ended are on their way.
            if clock.now - leaderEnded > .milliseconds(500) {
                state.withLock { $0.outlived = max($0.outlived, left.count) }
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        state.withLock { $0.ended = clock.now }
    }

    /// Passes a signal on that we were sent: to the master, or to the daemon that it has become.
    public func signal(_ number: Int32) { kill(Kin.runs(pid) ? pid : left.first ?? pid, number) }

    /// When it was asked to end.
    var terminationTime: ContinuousClock.Instant? { state.withLock { $0.terminated } }

    /// When it, and all it had left, ended after that.
    var endTime: ContinuousClock.Instant? { state.withLock { $0.ended } }

    /// How many processes went on for half a second and more after the one that was launched had ended.
    var outlived: Int { state.withLock { $0.outlived } }

    /// Stops it and all it started (SIGSTOP), as a host that hangs.
    public func freeze() { for member in family { kill(member, SIGSTOP) } }

    /// Lets it go on (SIGCONT).
    public func thaw() { for member in family { kill(member, SIGCONT) } }

    /// Ends it and all that came of it, without asking. Its process group is its own, and stays so until it is reaped.
    func killAll() {
        kill(-pid, SIGKILL)
        let others = (adopted() + kin.running(anew: true)).filter { $0 != pid }
        for process in others { kill(process, SIGKILL) }
        for process in others { Subreaper.reap(process, isKilled: true) }
    }
}
