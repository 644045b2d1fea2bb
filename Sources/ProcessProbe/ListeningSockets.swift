public import RemoteProcess

/// Where a process listens for TCP connections.
public struct ListeningSocket: Hashable, Sendable {
    /// The address to connect to: the one it is bound to, or loopback when it is bound to all.
    public var host: String
    /// The port.
    public var port: Int

    /// The listening TCP sockets of a process, in the order of their ports.
    ///
    /// Source: proc_net(5): state 0A is LISTEN; addresses are hexadecimal words in the machine's byte order.
    public static func all(of pid: Int32, in proc: ProcFS = ProcFS()) -> [ListeningSocket] {
        let folder = proc.path(pid, "fd")
        let numbers = (try? proc.numbers(in: folder, limit: SocketCensus.maximumDescriptors)) ?? []
        let own = Set(
            numbers.compactMap { number -> UInt64? in
                guard let target = try? proc.readLink("\(folder)/\(number)"), target.hasPrefix("socket:[") else {
                    return nil
                }
                return UInt64(target.dropFirst(8).dropLast())
            })
        guard !own.isEmpty else { return [] }
        let found = ["net/tcp", "net/tcp6"].flatMap { table -> [ListeningSocket] in
            guard let text = try? proc.read(pid, table, limit: SocketCensus.maximumTable) else { return [] }
            return parse(text, of: own)
        }
        return Array(Set(found)).sorted { ($0.port, $0.host) < ($1.port, $1.host) }
    }

    static func parse(_ text: [UInt8], of own: Set<UInt64>) -> [ListeningSocket] {
        text.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 10)
            guard fields.count >= 10, fields[3].elementsEqual("0A".utf8), let inode = UInt64(ascii: fields[9]),
                own.contains(inode)
            else { return nil }
            let parts = String(decoding: fields[1], as: UTF8.self).split(separator: ":")
            guard parts.count == 2, let port = Int(parts[1], radix: 16), let host = host(parts[0]) else { return nil }
            return ListeningSocket(host: host, port: port)
        }
    }

    private static func host(_ digits: Substring) -> String? {
        if digits.count == 32 {
            // Anything of IPv6: all addresses and ::1 are reached over loopback, and others are not ours to know.
            return digits.allSatisfy { $0 == "0" } ? "127.0.0.1" : digits.hasSuffix("01000000") ? "::1" : nil
        }
        guard digits.count == 8, let word = UInt32(digits, radix: 16) else { return nil }
        if word == 0 { return "127.0.0.1" }
        return (0..<4).map { String((word >> ($0 * 8)) & 0xFF) }.joined(separator: ".")
    }
}
