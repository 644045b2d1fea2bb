@preconcurrency import Glibc

/// How many descriptors this process may have open, and with that how many connections: RLIMIT_NOFILE, getrlimit(2).
public struct DescriptorLimit: Hashable, Sendable {
    /// The limit as it is now.
    public var soft: Int
    /// As far as it may be raised.
    public var hard: Int

    /// Descriptors that a server needs beside its connections': listener, loops, recording, standard streams.
    public static let reserve = 64

    /// The limit of this process; `nil` when the kernel does not say.
    public static var current: DescriptorLimit? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return DescriptorLimit(soft: Int(clamping: limit.rlim_cur), hard: Int(clamping: limit.rlim_max))
    }

    /// Raises the limit as far as `connections` need, or as far as it may be raised.
    ///
    /// - Parameter connections: how many are asked for; `nil` for as many as may be had.
    /// - Returns: the limit as it is then.
    @discardableResult
    public static func raise(for connections: Int?) -> DescriptorLimit? {
        guard let now = current else { return nil }
        let wanted = connections.map { $0.addingReportingOverflow(reserve).partialValue } ?? now.hard
        guard wanted > now.soft else { return now }
        let soft = min(wanted, now.hard)
        var limit = rlimit(rlim_cur: rlim_t(soft), rlim_max: rlim_t(clamping: now.hard))
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return now }
        return current
    }

    /// Connections that fit.
    public var connections: Int { max(0, soft - Self.reserve) }

    /// Why `wanted` connections do not fit, and what to do; `nil` when they do.
    public func shortfall(of wanted: Int) -> (why: String, remedy: String)? {
        guard wanted > connections else { return nil }
        let needed = wanted + Self.reserve
        return (
            "\(wanted) connections need \(needed) descriptors, and this process may have \(soft) (RLIMIT_NOFILE; its hard limit is \(hard))",
            "as root: `prlimit --nofile=\(needed) …`, or LimitNOFILE=\(needed) in the systemd unit"
        )
    }
}
