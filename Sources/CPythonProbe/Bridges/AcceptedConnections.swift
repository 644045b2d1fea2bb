import Observations
import RemoteProcess

/// TCP connections that were accepted in a process's network namespace since it was made: `PassiveOpens` of
/// `/proc/PID/net/snmp` (RFC 4022 tcpPassiveOpens).
enum AcceptedConnections {
    /// Their number; `nil` when the kernel does not tell.
    static func count(of pid: Int32, in proc: ProcFS = ProcFS()) -> Int? {
        guard let bytes = try? proc.read(proc.path(pid, "net/snmp"), limit: 1 << 16) else { return nil }
        return count(in: String(decoding: bytes, as: UTF8.self))
    }

    /// Two lines begin with `Tcp:`: the names, then their values.
    static func count(in text: String) -> Int? {
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("Tcp:") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let place = lines[0].firstIndex(of: "PassiveOpens"), lines[1].indices.contains(place)
        else { return nil }
        return Int(lines[1][place])
    }
}
