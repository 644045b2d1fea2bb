import Glibc

/// Where the client and the servers run: each side on a processor of its own, or wherever the scheduler puts them.
///
/// A loop that begins to be driven wakes on the processor that it used last, which may be the client's. Often the kernel leaves
/// it there although the other one is idle (`sched_wakeup` and `sched_switch`, Linux 6.18), and until it balances them client
/// and loop take turns. That costs a turn a quarter of its speed by the clock, and saves processor time. It depends on where and
/// how often a loop woke before its turn, and not on what a message costs.
enum Processors {
    /// Who runs where: the numbers of two processors of those that this program may use.
    struct Places {
        let client: Int
        let servers: Int

        /// - Throws: when there is only one.
        init() throws {
            let allowed = Processors.allowed
            guard allowed.count > 1 else { throw BenchmarkError("client and servers need a processor each") }
            (servers, client) = (allowed[0], allowed[1])
        }
    }

    /// Moves this program, and what it starts, to a processor.
    static func move(to processor: Int) throws {
        let words = ["taskset", "--all-tasks", "--cpu-list", "--pid", String(processor), String(getpid())]
        // It says what was and what is.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        var status: Int32 = 0
        guard posix_spawnp(&pid, "taskset", &actions, nil, &arguments, environ) == 0, waitpid(pid, &status, 0) == pid,
            status == 0
        else { throw BenchmarkError("taskset (util-linux) does not move this program to processor \(processor)") }
    }

    /// The processors that this program may use: `Cpus_allowed_list` of proc_pid_status(5).
    private static var allowed: [Int] {
        guard let file = fopen("/proc/self/status", "r") else { return [] }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, 512, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("Cpus_allowed_list:") else { continue }
            return text.split(whereSeparator: \.isWhitespace).dropFirst().joined().split(separator: ",").flatMap {
                range in
                let ends = range.split(separator: "-").compactMap { Int($0) }
                return ends.isEmpty ? [] : Array(ends[0]...(ends.last ?? ends[0]))
            }
        }
        return []
    }
}
