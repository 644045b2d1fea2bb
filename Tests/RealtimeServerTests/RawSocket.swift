@preconcurrency import Glibc

/// A TCP connection with nothing on it: for clients that do not behave.
final class RawSocket: Sendable {
    struct Unreachable: Error {}

    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw Unreachable()
        }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) { _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Ends the connection from this side.
    func shutDown() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Has the end of it be a reset (RST), whatever is unread.
    func resetAtEnd() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Has the kernel keep little of what is not read.
    func receiveLittle() {
        var bytes: Int32 = 65_536
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
    }

    /// What comes next; empty at the end.
    func readBytes() async -> [UInt8] {
        await Task.detached { [self] in
            [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
                count = max(0, recv(descriptor, buffer.baseAddress, 1 << 18, 0))
            }
        }.value
    }

    /// What comes next, as text; empty at the end.
    func read() async -> String { String(decoding: await readBytes(), as: UTF8.self) }
}
