@preconcurrency import Glibc
import Observations

/// A connection to a process that offers its observations, greeted and not yet read from.
///
/// Owns the descriptor until a `StreamProbe` takes it over.
public struct ObservationStream: ~Copyable {
    /// Why a process that offers a socket cannot be joined.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Nobody listens: its process was killed, or ends just now.
        case stale
        /// Another process than the one asked for answers.
        case impostor(pid: Int32)
        /// The process refuses, and says why.
        case refused(String)
        /// It says nothing that is understood.
        case unintelligible
        /// It has taken the connection, and has not greeted in time.
        case silent
        /// The system call failed.
        case failed(call: String, errno: Int32)

        /// In words.
        public var description: String {
            switch self {
            case .stale: "nobody listens at its observation socket"
            case .impostor(let pid): "process \(pid) answers at its observation socket, not itself"
            case .refused(let why): "it refuses to be observed: \(why)"
            case .unintelligible: "its observation socket does not speak this protocol"
            case .silent: "it has not answered at its observation socket: it is stopped, or has no processor"
            case .failed(let call, let errno): "\(call): \(String(cString: strerror(errno)))"
            }
        }
    }

    /// How long the other side may take to greet.
    private static let patience = Duration.seconds(3)

    /// The process.
    public let pid: Int32
    /// What it says it is.
    public let description: String
    private var descriptor: Int32

    /// Joins a process; `nil` when it offers no socket.
    ///
    /// Blocks for at most three seconds.
    public static func open(pid: Int32, proc: String = "/proc") throws(Failure) -> ObservationStream? {
        guard let place = SocketPlace.find(pid: pid, proc: proc) else { return nil }
        return try ObservationStream(pid: pid, at: place)
    }

    /// Joins the process `pid` at a place, if it greets within `patience`.
    init(pid: Int32, at place: SocketPlace, patience: Duration = Self.patience) throws(Failure) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .failed(call: "socket", errno: errno) }
        do throws(Failure) {
            description = try Self.greet(descriptor, pid, place, patience)
        } catch {
            close(descriptor)
            throw error
        }
        self.pid = pid
        self.descriptor = descriptor
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Hands the descriptor over.
    consuming func take() -> Int32 {
        let taken = descriptor
        descriptor = -1
        return taken
    }

    private static func greet(
        _ socket: Int32, _ pid: Int32, _ place: SocketPlace, _ patience: Duration
    ) throws(Failure) -> String {
        let deadline = ContinuousClock.now + patience
        wait(at: socket, for: patience)
        try connect(socket, to: place.path)
        guard let peer = PeerCredentials(of: socket) else { throw .failed(call: "getsockopt", errno: errno) }
        guard peer.pid == pid else { throw .impostor(pid: peer.pid) }
        let hello = Wire.line(Wire.Hello(hello: .init(version: Wire.version))) ?? []
        guard send(socket, hello, hello.count, Int32(MSG_NOSIGNAL)) == hello.count else {
            throw .failed(call: "send", errno: errno)
        }
        guard let answer = Wire.value(Wire.Answer.self, of: try readLine(socket, until: deadline)) else {
            throw .unintelligible
        }
        if let refused = answer.refused { throw .refused(refused.why.plain(limit: 200)) }
        guard let welcome = answer.welcome, welcome.version == Wire.version else { throw .unintelligible }
        return welcome.description.plain(limit: 200)
    }

    private static func connect(_ socket: Int32, to path: String) throws(Failure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8) + [0]
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            throw .failed(call: "connect", errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            throw errno == ECONNREFUSED || errno == ENOENT ? .stale : .failed(call: "connect", errno: errno)
        }
    }

    /// Limits each call that reads or writes.
    private static func wait(at socket: Int32, for patience: Duration) {
        let (seconds, rest) = patience.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(rest / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// The first line, byte by byte: what follows it belongs to the probe. A byte now and then is no answer in time.
    private static func readLine(
        _ socket: Int32, until deadline: ContinuousClock.Instant
    ) throws(Failure) -> [UInt8] {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < Wire.greetingLimit {
            guard ContinuousClock.now < deadline else { throw .silent }
            let count = recv(socket, &byte, 1, 0)
            if count < 0, errno == EAGAIN { throw .silent }
            guard count == 1 else { throw count == 0 ? .stale : .failed(call: "recv", errno: errno) }
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
        }
        throw .unintelligible
    }
}
