import Dispatch
import Glibc

/// A child process whose standard input and output are one socket of ours.
///
/// Ends with us: the launchers under `fixtures/` stop when their input closes, which the kernel sees to even when the
/// test process is killed. The socket is close-on-exec from birth, so no other child keeps it open by accident.
/// Safe to share: its fields never change, and `readLine` wants one reader at a time.
final class ChildProcess: Sendable {
    /// What went wrong between us and the child.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    private let socket: Int32

    /// Starts a program found in the PATH. Its standard error is ours.
    init(_ arguments: [String], environment additions: [String: String] = [:]) throws {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw Failure(description: "cannot make a socket pair: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        // Threads of Dispatch block signals, and a command that ran here may have had one ignored: a child starts afresh.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var variables = Self.currentEnvironment()
        variables.merge(additions) { _, new in new }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }

        var child: pid_t = 0
        let error = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
        pid = child
        socket = ends[0]
        guard error == 0 else {
            throw Failure(description: "cannot start \(arguments[0]): \(String(cString: strerror(error)))")
        }
    }

    deinit {
        close(socket)
    }

    /// The next line of its output without the line break; nil at the end. One caller at a time.
    func readLine() async throws -> String? {
        let socket = socket
        return try await Self.blocking {
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while true {
                let count = read(socket, &byte, 1)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw Failure(description: "cannot read from the child") }
                if count == 0 || byte == UInt8(ascii: "\n") {
                    return count == 0 && line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
                }
                line.append(byte)
            }
        }
    }

    /// Closes its input, waits until it has ended, and returns its exit status, or minus the signal that ended it.
    /// To be called exactly once.
    func finish() async throws -> Int32 {
        shutdown(socket, Int32(SHUT_WR))
        let pid = pid
        return try await Self.blocking {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 {
                guard errno == EINTR else { throw Failure(description: "cannot wait for \(pid)") }
            }
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : -signal
        }
    }

    /// Runs a blocking call on a thread that may block; those of the tests' pool may not.
    private static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result(catching: body)) }
        }
    }

    private static func currentEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return variables
    }
}
