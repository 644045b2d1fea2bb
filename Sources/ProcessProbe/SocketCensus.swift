public import RemoteProcess

/// What a process has open: its sockets by state, and what is not a socket but tells what kind of process it is.
public struct SocketCensus: Hashable, Sendable {
    /// TCP sockets by state: `ESTABLISHED`, `CLOSE_WAIT`.
    public var states: [String: Int] = [:]
    /// Descriptors seen.
    public var descriptors = 0
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
        for number in numbers {
            guard let target = try? proc.readLink("\(folder)/\(number)") else { continue }
            if target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast()) {
                own.insert(inode)
            } else if target == "anon_inode:[eventpoll]" {
                hasEpoll = true
            }
        }
        guard !own.isEmpty else { return }
        for table in ["net/tcp", "net/tcp6"] {
            guard let text = try? proc.read(pid, table, limit: Self.maximumTable) else { continue }
            for (state, count) in Self.states(parsing: text, of: own) { states[state, default: 0] += count }
        }
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
