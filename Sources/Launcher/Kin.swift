import Glibc
import RemoteProcess
import Synchronization

/// The processes that come of one launch, also those to which no line of parents leads any more: a server may fork, and what it has forked
/// may outlive it.
///
/// They are told by what they inherit: the session that was made for the launch, or a mark in their environment where they have made a
/// session of their own. Nobody else has either, so nobody else is ever signalled.
final class Kin: Sendable {
    /// The variable that marks them.
    static let variable = "LOOPSCOPE_LAUNCH"

    /// The leader of their session: the process that was launched.
    let leader: Int32
    private let mark: [UInt8]
    private let known = Mutex<[Int32]>([])

    /// - Parameter mark: the variable's value; of this launch only.
    init(leader: Int32, mark: String) {
        self.leader = leader
        self.mark = Array("\(Self.variable)=\(mark)".utf8)
    }

    /// A mark that no other launch has.
    static func newMark() -> String { String(UInt64.random(in: 1 ... .max), radix: 36) }

    /// Those that run, the leader left out.
    ///
    /// All processes are looked through when none that was known is left, or `anew`.
    func running(anew: Bool = false) -> [Int32] {
        known.withLock { known in
            known.removeAll { pid in
                guard !isOurs(pid) else { return false }
                Subreaper.reap(pid)
                return true
            }
            if anew || known.isEmpty {
                let all = (try? ProcFS().numbers(in: ProcFS().root, limit: ProcessLimit.processes)) ?? []
                known = all.filter { $0 != leader && isOurs($0) }
            }
            return known
        }
    }

    private func isOurs(_ pid: Int32) -> Bool {
        guard pid != getpid(), Kin.runs(pid) else { return false }
        if getsid(pid) == leader { return true }
        let environment = (try? ProcFS().read(pid, "environ", limit: 1 << 20)) ?? []
        return environment.split(separator: 0).contains { $0.elementsEqual(mark) }
    }

    /// Whether a process runs; one that has ended and is not yet reaped does not.
    static func runs(_ pid: Int32) -> Bool {
        guard let line = try? ProcFS().read(pid, "stat", limit: 4096), let stat = ProcStat(parsing: line) else {
            return false
        }
        return stat.state != "Z" && stat.state != "X"
    }
}

/// How a process has ended.
struct ProcessEnd: Hashable, Sendable {
    /// Its exit code, or the signal that ended it; neither where the kernel does not say.
    var code: Int32?
    var signal: Int32?

    /// In words: `with exit code 3`.
    var words: String {
        if let code { return "with exit code \(code)" }
        return signal.map { "by signal \($0)" } ?? "at once"
    }

    /// Of a process that is not yet reaped: the last field of proc_pid_stat(5), in waitpid's form.
    static func of(_ pid: Int32) -> ProcessEnd {
        guard let line = try? ProcFS().read(pid, "stat", limit: 4096),
            let close = line.lastIndex(of: UInt8(ascii: ")")),
            let last = line[close...].split(separator: UInt8(ascii: " ")).last,
            let status = Int32(String(decoding: last, as: UTF8.self).filter(\.isNumber))
        else { return ProcessEnd() }
        return status & 0x7F == 0 ? ProcessEnd(code: (status >> 8) & 0xFF) : ProcessEnd(signal: status & 0x7F)
    }
}

/// How many processes are looked through.
enum ProcessLimit {
    static let processes = 65_536
}
