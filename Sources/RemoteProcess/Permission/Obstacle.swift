/// What stands between us and a process.
enum Obstacle: Hashable {
    case missing, hidden, ended, kernelThread
    case foreignNamespace, otherUser, otherGroup, notDumpable, moreCapable
    /// With the value of kernel.yama.ptrace_scope.
    case yama(Int)
    case seccomp, securityModule

    /// The setting that decides, and its value.
    func why(_ own: ProcessCredentials, _ target: ProcessCredentials?) -> String {
        let lacks = "we lack CAP_SYS_PTRACE"
        switch self {
        case .missing: return "there is no such process here"
        case .hidden:
            return "/proc is mounted with hidepid, which hides other users' processes from uid \(own.user.real)"
        case .ended: return "it has ended; its parent has not yet asked how"
        case .kernelThread: return "it is a thread of the kernel"
        case .foreignNamespace: return "it lives outside of our user namespace, where our capabilities do not count"
        case .otherUser:
            return "it runs as uid \(target?.user.effective ?? 0), we as uid \(own.user.real), and \(lacks)"
        case .otherGroup:
            return "it runs as gid \(target?.group.effective ?? 0), we as gid \(own.group.real), and \(lacks)"
        case .notDumpable:
            return "it may not be dumped (a set-user-id program, or prctl PR_SET_DUMPABLE 0), and \(lacks)"
        case .moreCapable: return "it has capabilities that we do not have, and \(lacks)"
        case .yama(1): return "/proc/sys/kernel/yama/ptrace_scope is 1: only a parent may attach, and \(lacks)"
        case .yama(2): return "/proc/sys/kernel/yama/ptrace_scope is 2: only CAP_SYS_PTRACE may attach, which we lack"
        case .yama(let scope):
            return "/proc/sys/kernel/yama/ptrace_scope is \(scope): nobody may attach until a restart"
        case .seccomp: return "a seccomp filter is in force here (Seccomp: 2) and seems to refuse process_vm_readv"
        case .securityModule: return "a security module (AppArmor, SELinux) refuses it: nothing else stands against it"
        }
    }

    /// The one thing that helps.
    func remedy(_ place: AttachPlace) -> String {
        switch self {
        case .missing where place.isContainer:
            return "a container has process ids of its own: use the id that `\(place.binary) attach` lists in here"
        case .missing, .ended, .kernelThread: return "`\(place.binary) attach` lists the processes that can be observed"
        case .foreignNamespace: return "run `sudo \(place.command)` on the host, outside of this container"
        case .yama(3...): return "start the server under it: `\(place.binary) run -- COMMAND`"
        case .seccomp where place.isKubernetes:
            return "set seccompProfile.type to Unconfined in the container's securityContext"
        case .seccomp: return "start the container with `--security-opt seccomp=unconfined`"
        case .securityModule where place.isContainer:
            return "start the container with `--security-opt apparmor=unconfined`"
        case .securityModule: return "look for the refusal with `sudo dmesg | grep -i -e apparmor -e avc`"
        default: return place.gainTracing(for: self)
        }
    }
}

/// Where we run, as far as it decides how to get CAP_SYS_PTRACE.
struct AttachPlace {
    /// Our program's absolute path.
    let binary: String
    /// The command that was refused.
    let command: String
    let isContainer: Bool
    let isKubernetes: Bool
    private let own: ProcessCredentials

    init(proc: ProcFS, own: ProcessCredentials, pid: Int32) {
        self.own = own
        binary = (try? proc.readLink("\(proc.root)/self/exe")) ?? "loopscope"
        command = "\(binary) attach --pid \(pid)"
        let groups = String(decoding: (try? proc.read("\(proc.root)/self/cgroup", limit: 65536)) ?? [], as: UTF8.self)
        isKubernetes = groups.contains("kubepods")
        let names = (try? proc.readLink("\(proc.root)/self/ns/pid")) ?? "pid:[4026531836]"
        // The inode of the first pid namespace is fixed. Source: include/uapi/linux/nsfs.h, PID_NS_INIT_INO.
        isContainer =
            names != "pid:[4026531836]" || isKubernetes || groups.contains("docker") || groups.contains("libpod")
    }

    func gainTracing(for obstacle: Obstacle) -> String {
        let canEver = own.bounding & ProcessCredentials.tracing != 0
        if canEver, !own.gainsNothing, own.user.effective != 0 { return "`sudo \(command)`" }
        if isKubernetes { return "add SYS_PTRACE to securityContext.capabilities.add of the container" }
        if isContainer { return "start the container with `--cap-add SYS_PTRACE`" }
        if canEver {
            return
                "run `sudo \(command)` from a shell that may gain rights (this one has no_new_privs, or has dropped them)"
        }
        if case .yama = obstacle {
            return "`sudo sysctl kernel.yama.ptrace_scope=0` (for the whole host, until it restarts)"
        }
        return "run `sudo \(command)` from a login shell: this one can never have CAP_SYS_PTRACE"
    }
}
