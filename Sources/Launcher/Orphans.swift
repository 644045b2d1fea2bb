import CLinux
import Glibc
import ProcessProbe
import RemoteProcess
import Synchronization

/// Processes that a launched server leaves behind: one that makes a daemon of itself, workers whose master died.
///
/// As long as a server is launched we are the reaper of our descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that an orphan
/// becomes our child instead of init's. Whose it is tells a variable of its environment, or its session where it has cleaned
/// its environment and stayed in that.
final class Orphans: Sendable {
    /// How many servers are launched: the last one ends the reaping.
    private static let launches = Mutex((running: 0, all: 0))
    private static let variable = "LOOPSCOPE_LAUNCH"

    private let value: String
    /// Those that were seen to be the server's: one that has ended has no environment any more.
    private let known = Mutex<Set<Identity>>([])

    private struct Identity: Hashable { var pid: Int32, start: UInt64 }

    /// Begins to take orphans on.
    init() {
        let number = Self.launches.withLock { launches in
            launches.running += 1
            launches.all += 1
            return launches.all
        }
        value = "\(getpid())-\(number)"
        _ = ls_adopt_orphans(1)
    }

    /// What the server's environment must say.
    var mark: [String: String] { [Self.variable: value] }

    /// Those of a server that are there now, without what they have started themselves.
    func processes(of server: Int32) -> [Int32] { children(of: server).filter { $0.state != "Z" }.map(\.pid) }

    /// Kills them all, and those that become orphans by that, and reaps them.
    func end(of server: Int32) {
        // Each round kills a generation; what is killed is waited for, so the next has become ours by then.
        for _ in 0..<64 {
            let left = children(of: server)
            guard !left.isEmpty else { return }
            for child in left {
                kill(child.pid, SIGKILL)
                waitpid(child.pid, nil, 0)
            }
        }
    }

    /// Ends it: orphans of later on go to whoever reaps ours.
    func release() {
        Self.launches.withLock { launches in
            launches.running -= 1
            if launches.running == 0 { _ = ls_adopt_orphans(0) }
        }
    }

    private func children(of server: Int32) -> [ProcStat] {
        let proc = ProcFS()
        return ProcessTree.children(of: getpid(), proc).filter { $0 != server }.compactMap { pid in
            guard let line = try? proc.read(pid, "stat", limit: 4096), let stat = ProcStat(parsing: line) else {
                return nil
            }
            let identity = Identity(pid: pid, start: stat.startTicks)
            if known.withLock({ $0.contains(identity) }) { return stat }
            guard getsid(pid) == server || isMarked(pid, proc) else { return nil }
            known.withLock { _ = $0.insert(identity) }
            return stat
        }
    }

    private func isMarked(_ pid: Int32, _ proc: ProcFS) -> Bool {
        let entry = Array("\(Self.variable)=\(value)".utf8)
        return ((try? proc.read(pid, "environ", limit: 1 << 20)) ?? []).split(separator: 0).contains {
            $0 == entry[...]
        }
    }
}
