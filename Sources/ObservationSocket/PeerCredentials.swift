@preconcurrency import Glibc

/// Who is at the other end of a Unix socket: `struct ucred` of socket(7), which Glibc's module hides.
struct PeerCredentials: Hashable, Sendable {
    /// The process: the one that connected, or that listened.
    var pid: Int32 = 0
    /// Its effective user at that time.
    var uid: UInt32 = 0
    /// Its effective group.
    var gid: UInt32 = 0

    /// Whether it may see what this process sees: the same user, or root.
    var mayObserve: Bool { uid == geteuid() || uid == 0 }

    /// The peer of a socket; `nil` when the kernel does not say.
    init?(of socket: Int32) {
        var size = socklen_t(MemoryLayout<PeerCredentials>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &self, &size) == 0,
            size == socklen_t(MemoryLayout<PeerCredentials>.size)
        else { return nil }
    }

    init() {}
}
