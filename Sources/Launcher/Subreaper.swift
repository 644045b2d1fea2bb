import CLinux
import Glibc
import Synchronization

/// As long as a server is launched we are the reaper of our descendants (prctl(2), PR_SET_CHILD_SUBREAPER): what a server leaves behind
/// when it makes a daemon of itself, or dies before its workers, becomes our child instead of init's, so that its end can be seen and no
/// zombie stays.
enum Subreaper {
    private static let launches = Mutex(0)

    /// Begins with the first launch.
    static func begin() {
        launches.withLock { launches in
            launches += 1
            if launches == 1 { _ = ls_adopt_orphans(1) }
        }
    }

    /// Ends with the last one: orphans of later on go to whoever reaps ours.
    static func end() {
        launches.withLock { launches in
            launches -= 1
            if launches == 0 { _ = ls_adopt_orphans(0) }
        }
    }

    /// Takes the end of a process that may have become our child: at once when it has ended, else only when it `isKilled`.
    static func reap(_ pid: Int32, isKilled: Bool = false) { waitpid(pid, nil, isKilled ? 0 : WNOHANG) }
}
