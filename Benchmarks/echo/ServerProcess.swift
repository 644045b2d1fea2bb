import Glibc

/// This program again, as one of the servers: a process of its own, ended with its owner.
final class ServerProcess {
    let pid: pid_t
    let port: Int

    /// Starts it.
    ///
    /// - Parameter words: what `serve` is to serve.
    init(_ words: String...) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw BenchmarkError("pipe: \(String(cString: strerror(errno)))") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        var arguments: [UnsafeMutablePointer<CChar>?] =
            (["/proc/self/exe", "serve"] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ) == 0 else {
            throw BenchmarkError("the server does not start")
        }
        self.pid = pid
        close(ends[1])
        defer { close(ends[0]) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(ends[0], &buffer, buffer.count)
        guard let port = Int(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)) else {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw BenchmarkError("the server did not say its port")
        }
        self.port = port
    }

    /// The scheduler's account of its loop's thread: proc_pid_schedstat(5). It is right while the thread waits.
    func loopAccount() throws -> String {
        guard let folder = opendir("/proc/\(pid)/task") else { throw BenchmarkError("the server is gone") }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let thread = "/proc/\(pid)/task/\(name)"
            if Self.line(of: "\(thread)/comm").hasPrefix("NIO-ELT") { return "\(thread)/schedstat" }
        }
        throw BenchmarkError("the server has no loop")
    }

    /// The first line of a file; empty when there is none.
    static func line(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return "" }
        return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}
