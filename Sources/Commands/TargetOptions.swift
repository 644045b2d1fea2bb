import Analysis
import ArgumentParser
import Observations
import RemoteProcess
import Reports

/// `--pid` and `--find`: which process.
struct TargetOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The process, or the master of its workers.")
    var pid: Int32?

    @Option(help: ArgumentHelp("The process whose command line contains this text.", valueName: "pattern"))
    var find: String?

    func validate() throws {
        if pid != nil, find != nil {
            throw ValidationError("--pid and --find both choose the target: give one of them")
        }
        if let pid, pid <= 0 { throw ValidationError("--pid is a process id above 0, not \(pid)") }
        if let find, find.isEmpty { throw ValidationError("--find needs a text to look for") }
    }

    /// The target: as asked for, or the only candidate there is.
    ///
    /// - Throws: `CommandError` when there is none, or more than one; the candidates are listed in it.
    func resolve(_ finder: CandidateFinder = CandidateFinder()) async throws -> Int32 {
        if let pid { return try Self.checked(pid, in: finder) }
        // CPU is a difference: each candidate is looked at twice, so far apart.
        var candidates = try await finder.find { try await Task.sleep(for: .milliseconds(150)) }
        if let find { candidates = candidates.filter { $0.command.contains(find) } }
        if candidates.count == 1 { return candidates[0].pid }
        guard !candidates.isEmpty else {
            throw CommandError(
                find.map { "no server's command line contains \($0.plain(limit: 64))" } ?? "no server was found",
                why: "no process that this user may see runs Python or SwiftNIO and listens on a TCP port",
                do: "name the process: --pid PID", status: .unavailable)
        }
        throw CommandError(
            "there are \(candidates.count) servers:\n\(Self.table(candidates))", do: "choose one: --pid PID",
            status: .usage)
    }

    /// A process that is there.
    static func checked(_ pid: Int32, in finder: CandidateFinder = CandidateFinder()) throws -> Int32 {
        guard (try? ProcessIdentity(of: pid, in: finder.proc)) != nil else {
            throw CommandError(
                "there is no process \(pid)", why: "it has ended, or never was",
                do: "`loopscope attach` lists what can be observed", status: .unavailable)
        }
        return pid
    }

    static func table(_ candidates: [Candidate]) -> String {
        candidates.sorted { ($0.cpuPercent, $1.pid) > ($1.cpuPercent, $0.pid) }.prefix(20).map { candidate in
            let workers = candidate.workers.isEmpty ? "" : ", \(candidate.workers.count.counted("worker"))"
            return "  pid \(candidate.pid)  \(Int(candidate.cpuPercent.rounded())) % cpu, "
                + "\(candidate.connections.counted("connection"))\(workers)  \(candidate.command.plain(limit: 100))"
        }.joined(separator: "\n")
    }
}
