import Observations

/// Whether we may read another process's memory, worked out from /proc as the kernel would decide it.
///
/// Follows `__ptrace_may_access` (kernel/ptrace.c) with PTRACE_MODE_ATTACH_REALCREDS, which process_vm_readv and ptrace
/// share, then Yama (security/yama/yama_lsm.c) and the capabilities module (security/commoncap.c). What it cannot see
/// (exceptions by PR_SET_PTRACER, the rules of seccomp filters and other security modules) only an attempt shows: try
/// first, and ask this for the reason, with `wasRefused`.
public struct AttachPermission {
    /// The answer.
    public enum Verdict: Hashable, Sendable {
        /// Nothing that can be seen stands against it.
        case allowed
        /// The first thing that does, with the one remedy that fits.
        case denied(AttachError)
    }

    private let pid: Int32
    private let proc: ProcFS
    private let ownerOf: (String) -> UInt32?

    /// Works out whether we may attach to `pid`.
    ///
    /// - Parameter wasRefused: the kernel has refused already, so there must be a reason.
    public static func judge(_ pid: Int32, in proc: ProcFS = ProcFS(), wasRefused: Bool = false) -> Verdict {
        AttachPermission(pid: pid, proc: proc, ownerOf: proc.owner).judge(wasRefused: wasRefused)
    }

    init(pid: Int32, proc: ProcFS, ownerOf: @escaping (String) -> UInt32?) {
        self.pid = pid
        self.proc = proc
        self.ownerOf = ownerOf
    }

    func judge(wasRefused: Bool = false) -> Verdict {
        guard let own = ProcessCredentials(of: "self", in: proc) else { return .allowed }  // no /proc: nothing to say
        guard let target = ProcessCredentials(of: String(pid), in: proc) else {
            return .denied(error(isHidden(own) ? .hidden : .missing, own, nil))
        }
        guard let obstacle = obstacle(own, target) ?? (wasRefused ? unseen(own) : nil) else { return .allowed }
        return .denied(error(obstacle, own, target))
    }

    /// What the kernel asks, in its order.
    private func obstacle(_ own: ProcessCredentials, _ target: ProcessCredentials) -> Obstacle? {
        if target.state == "Z" || target.state == "X" { return .ended }
        if !target.hasMemory { return .kernelThread }
        let mayTrace = own.effective & ProcessCredentials.tracing != 0
        if mayTrace, isForeignNamespace { return .foreignNamespace }
        if mayTrace { return yama >= 3 ? .yama(yama) : nil }

        let user = own.user.real
        guard [target.user.real, target.user.effective, target.user.saved].allSatisfy({ $0 == user }) else {
            return .otherUser
        }
        let group = own.group.real
        guard [target.group.real, target.group.effective, target.group.saved].allSatisfy({ $0 == group }) else {
            return .otherGroup
        }
        // A process that must not be dumped is shown as root's.
        if let owner = ownerOf(proc.path(pid, "status")), owner != target.user.effective { return .notDumpable }
        let scope = yama
        if scope >= 2 || (scope == 1 && !isDescendant) { return .yama(scope) }
        return target.permitted & ~own.permitted != 0 ? .moreCapable : nil
    }

    /// What may refuse without being seen in /proc.
    private func unseen(_ own: ProcessCredentials) -> Obstacle { own.isFiltered ? .seccomp : .securityModule }

    /// Yama's setting; 0 where the kernel has no Yama.
    private var yama: Int {
        let text = try? proc.read("\(proc.root)/sys/kernel/yama/ptrace_scope", limit: 16)
        return text.flatMap { Int(ascii: $0.prefix { $0 != UInt8(ascii: "\n") }) } ?? 0
    }

    /// Whether the target is our child, or a child of one: what Yama's scope 1 lets through.
    private var isDescendant: Bool {
        guard let own = (try? proc.readLink("\(proc.root)/self")).flatMap({ Int32($0) }) else { return false }
        var process = pid
        for _ in 0..<256 where process > 1 {
            guard let parent = ProcessCredentials(of: String(process), in: proc)?.parent else { return false }
            if parent == own { return true }
            process = parent
        }
        return false
    }

    /// Whether our capabilities do not reach the target: it lives outside of our user namespace.
    private var isForeignNamespace: Bool {
        guard let own = try? proc.readLink("\(proc.root)/self/ns/user"), own != "user:[4026531837]",
            let target = try? proc.readLink(proc.path(pid, "ns/user"))
        else { return false }  // the first user namespace, whose inode is fixed, reaches everything
        return own != target
    }

    /// Whether /proc may hide other users' processes from us (mount option hidepid).
    private func isHidden(_ own: ProcessCredentials) -> Bool {
        guard own.effective & ProcessCredentials.tracing == 0,
            let mounts = try? proc.read("\(proc.root)/self/mounts", limit: 1 << 20)
        else { return false }
        return String(decoding: mounts, as: UTF8.self).split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            guard fields.count >= 4, fields[2] == "proc" else { return false }
            let options = fields[3].split(separator: ",")
            return ["hidepid=2", "hidepid=4", "hidepid=invisible", "hidepid=ptraceable"].contains {
                options.contains($0)
            }
        }
    }

    private func error(_ obstacle: Obstacle, _ own: ProcessCredentials, _ target: ProcessCredentials?) -> AttachError {
        let place = AttachPlace(proc: proc, own: own, pid: pid)
        let name = target.map { " (\($0.name.plain(limit: 64)))" } ?? ""
        let reason =
            switch obstacle {
            case .missing, .hidden, .ended: "No such process"
            case .kernelThread: "it has no memory of its own"
            default: "Operation not permitted"
            }
        return AttachError(
            what: "cannot attach to process \(pid)\(name): \(reason)",
            why: obstacle.why(own, target), remedy: obstacle.remedy(place),
            isGone: obstacle == .missing || obstacle == .ended)
    }
}
