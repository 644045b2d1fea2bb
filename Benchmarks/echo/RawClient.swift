import Glibc
import WebSocket

/// A client with no library under it: blocking handshakes, then `poll`, `recv` and `send` on one thread.
///
/// It keeps one message under way on each connection, and counts echoes. It can drive more than any server here serves.
/// Its connections stay open between runs, so that a run can be short.
final class RawClient {
    private var sockets: [pollfd] = []
    private var pending: [Int] = []
    private let frame: [UInt8]
    private let replySize: Int

    /// Connects and completes the handshakes.
    init(port: Int, path: String, connections: Int, payload: Int) throws {
        var writer = FrameWriter.client()
        frame = writer.frame(.text, [UInt8](repeating: UInt8(ascii: "x"), count: payload))
        replySize = FrameWriter.server.size(payload)
        for _ in 0..<connections {
            let socket = try Self.connect(port)
            try Self.shakeHands(socket, path)
            sockets.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0))
            pending.append(0)
        }
    }

    deinit { for socket in sockets { close(socket.fd) } }

    /// Sends and counts for so long, or until so many echoes have come.
    ///
    /// - Returns: the echoes, all of them, and the seconds that they took.
    func run(seconds: Double, most: Int = .max) throws -> (echoes: Int, seconds: Double) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        for socket in sockets { try Self.write(socket.fd, frame) }
        var echoes = 0
        while ContinuousClock.now < end, echoes < most {
            guard poll(&sockets, nfds_t(sockets.count), 1000) > 0 else {
                throw BenchmarkError("no echo within a second")
            }
            for place in sockets.indices where sockets[place].revents != 0 {
                let count = recv(sockets[place].fd, &buffer, buffer.count, 0)
                guard count > 0 else { throw BenchmarkError("the server closed a connection") }
                pending[place] += count
                while pending[place] >= replySize {
                    pending[place] -= replySize
                    echoes += 1
                    try Self.write(sockets[place].fd, frame)
                }
            }
        }
        try drain(&buffer)
        return (echoes + sockets.count, (ContinuousClock.now - start) / .seconds(1))
    }

    /// Takes the echoes still under way.
    private func drain(_ buffer: inout [UInt8]) throws {
        for place in sockets.indices {
            while pending[place] < replySize {
                let count = recv(sockets[place].fd, &buffer, buffer.count, 0)
                guard count > 0 else { throw BenchmarkError("the server closed a connection") }
                pending[place] += count
            }
            pending[place] -= replySize
        }
    }

    static func connect(_ port: Int) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw BenchmarkError("connect: \(String(cString: strerror(errno)))") }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        return socket
    }

    static func shakeHands(_ socket: Int32, _ path: String) throws {
        var generator = SystemRandomNumberGenerator()
        var handshake = ClientHandshake(host: "127.0.0.1", target: path, key: Handshake.key(using: &generator))
        try write(socket, handshake.request)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw BenchmarkError("no answer to the handshake") }
            let done = try buffer.withUnsafeBytes { try handshake.read(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            if done != nil { return }
        }
    }

    static func write(_ socket: Int32, _ bytes: [UInt8]) throws {
        guard Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw BenchmarkError("send: \(String(cString: strerror(errno)))")
        }
    }
}

/// Why a benchmark ended.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
