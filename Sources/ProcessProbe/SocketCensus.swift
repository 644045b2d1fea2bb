public import RemoteProcess

/// What a process has open: its sockets by state, and what is not a socket but tells what kind of process it is.
public struct SocketCensus: Hashable, Sendable {
    /// TCP sockets by state: `ESTABLISHED`, `CLOSE_WAIT`.
    public var states: [String: Int] = [:]
    /// Descriptors seen.
    public var descriptors = 0
    /// Descriptors by kind, the standard three left out: `socket`, `pipe`, `eventpoll`; a path for files open more than once.
    public var kinds: [String: Int] = [:]
    /// It waits for events through epoll: what an event loop does.
    public var hasEpoll = false

    /// Most descriptors that are looked at.
    public static let maximumDescriptors = 100_000
    /// Most bytes of a table of sockets that are read: some 200 000 sockets of the whole network namespace.
    static let maximumTable = 32 << 20

    /// Reads /proc/PID/fd and the TCP tables of the process's network namespace; `nil` when the descriptors may not be
    /// listed. About 1 µs a descriptor and 0.2 µs a socket of the namespace.
    public init?(of pid: Int32, in proc: ProcFS = ProcFS()) {
        let folder = proc.path(pid, "fd")
        guard let numbers = try? proc.numbers(in: folder, limit: Self.maximumDescriptors) else { return nil }
        descriptors = numbers.count
        var own: Set<UInt64> = []
        let root = (try? proc.readLink(proc.path(pid, "root"))) ?? "/"
        for number in numbers {
            guard let target = try? proc.readLink("\(folder)/\(number)") else { continue }
            if number > 2 { kinds[Self.kind(of: target, below: root), default: 0] += 1 }
            if target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast()) {
                own.insert(inode)
            } else if target == "anon_inode:[eventpoll]" {
                hasEpoll = true
            }
        }
        kinds = Self.telling(kinds)
        guard !own.isEmpty else { return }
        for table in ["net/tcp", "net/tcp6"] {
            guard let text = try? proc.read(pid, table, limit: Self.maximumTable) else { continue }
            for (state, count) in Self.states(parsing: text, of: own) { states[state, default: 0] += count }
        }
    }

    /// Most files that are named.
    private static let fileLimit = 16

    /// `socket:[4711]` is a socket whichever it is, `anon_inode:[eventpoll]` an event poll, a path itself.
    private static func kind(of target: String, below root: String) -> String {
        if target.hasPrefix("/") {
            // A path as the process would write it: its root may be elsewhere.
            return root != "/" && target.hasPrefix(root + "/") ? String(target.dropFirst(root.utf8.count)) : target
        }
        let name = target.prefix { $0 != ":" }
        return name == "anon_inode" ? target.dropFirst(11).filter { $0 != "[" && $0 != "]" } : String(name)
    }

    /// The kinds, without files that are open once, and with the most open ones only.
    private static func telling(_ kinds: [String: Int]) -> [String: Int] {
        let files = kinds.filter { $0.key.hasPrefix("/") && $0.value > 1 }
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(fileLimit)
        return kinds.filter { !$0.key.hasPrefix("/") }.merging(files.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// Counts by state the sockets of a table (/proc/net/tcp, proc_net(5)) whose inodes are in `own`.
    static func states(parsing text: [UInt8], of own: Set<UInt64>) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")).dropFirst() {
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 10)
            guard fields.count >= 10, let inode = UInt64(ascii: fields[9]), own.contains(inode),
                let code = Int(String(decoding: fields[3], as: UTF8.self), radix: 16)
            else { continue }
            counts[names.indices.contains(code) ? names[code] : "STATE_\(code)", default: 0] += 1
        }
        return counts
    }

    /// By their number. Source: include/net/tcp_states.h.
    private static let names = [
        "UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
        "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
    ]
}
