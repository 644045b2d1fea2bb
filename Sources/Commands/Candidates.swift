import Clocks
import Observations
import ProcessProbe
import RemoteProcess

/// A process that could be attached to: a server, or the master of some.
struct Candidate: Hashable, Sendable {
    var pid: Int32
    /// What runs, for a person: its command line, cut.
    var command: String
    /// Its processes that serve: workers, or itself.
    var workers: [Int32]
    /// Open TCP connections of all of them.
    var connections: Int
    /// CPU now, in percent of one core, of all of them.
    var cpuPercent: Double
}

/// Finds processes that look like realtime servers: Python or NIO processes that listen, masters with their workers.
struct CandidateFinder {
    /// Most command line that is read.
    private static let commandLimit = 4096

    var proc = ProcFS()

    /// The pid's command line, arguments separated by spaces; empty for kernel threads and processes of others.
    func command(of pid: Int32) -> String {
        let bytes = (try? proc.read(pid, "cmdline", limit: Self.commandLimit)) ?? []
        return String(decoding: bytes.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self).trimmedEnd
    }

    /// Whether the process runs a Python interpreter, by the name of its program or of a library it has mapped.
    func isPython(_ pid: Int32) -> Bool {
        let program = (try? proc.readLink(proc.path(pid, "exe"))) ?? ""
        if program.split(separator: "/").last?.hasPrefix("python") == true { return true }
        guard let maps = try? MemoryMaps(of: pid, in: proc) else { return false }
        return maps.files.contains { $0.path.contains("/libpython") }
    }

    /// Whether the process has threads of SwiftNIO.
    func isNIO(_ pid: Int32) -> Bool {
        let tasks = (try? proc.numbers(in: proc.path(pid, "task"))) ?? []
        return tasks.prefix(256).contains { tid in
            let name = (try? proc.read("\(proc.path(pid, "task"))/\(tid)/comm", limit: 64)) ?? []
            return String(decoding: name, as: UTF8.self).hasPrefix("NIO-ELT")
        }
    }

    /// All candidates but this process and its ancestors, by pid. Takes a moment: CPU is a difference.
    ///
    /// - Parameter pause: waits between the two readings of CPU.
    func find(_ pause: () async throws -> Void) async throws -> [Candidate] {
        let tree = ProcessTree(proc)
        let own = (try? proc.readLink("\(proc.root)/self")).flatMap { Int32($0) } ?? -1
        let pids = ((try? proc.numbers(in: proc.root)) ?? []).filter { $0 != own && (isPython($0) || isNIO($0)) }
        let listening = Set(pids.filter { SocketCensus(of: $0, in: proc)?.states["LISTEN"] ?? 0 > 0 })
        // A worker is shown with its master: the outermost process of the family that serves.
        let family = Dictionary(uniqueKeysWithValues: listening.map { ($0, tree.descendants(of: $0)) })
        let workers = Set(family.values.joined())
        let before = cpu(of: pids)
        try await pause()
        let after = cpu(of: pids)
        return listening.subtracting(workers).sorted().compactMap { pid in
            let command = command(of: pid)
            // It has ended meanwhile.
            if command.isEmpty { return nil }
            let members = [pid] + (family[pid] ?? []).filter { pids.contains($0) }
            let connections = members.reduce(0) { $0 + (SocketCensus(of: $1, in: proc)?.states["ESTABLISHED"] ?? 0) }
            let busy = members.reduce(0.0) { sum, member in
                guard let one = before[member], let two = after[member], two.time > one.time else { return sum }
                return sum + (two.cpu - one.cpu).seconds / (two.time - one.time).seconds * 100
            }
            return Candidate(
                pid: pid, command: command, workers: Array(members.dropFirst()), connections: connections,
                cpuPercent: busy)
        }
    }

    private func cpu(of pids: [Int32]) -> [Int32: (time: Moment, cpu: Nanoseconds)] {
        var readings: [Int32: (time: Moment, cpu: Nanoseconds)] = [:]
        for pid in pids {
            guard let sampler = try? ProcessSampler(pid: pid, proc: proc),
                let sample = try? sampler.sample(at: .now(), sockets: false)
            else { continue }
            readings[pid] = (sample.time, sample.cpu)
        }
        return readings
    }
}

extension String {
    var trimmedEnd: String { String(reversed().drop { $0 == " " || $0 == "\n" }.reversed()) }
}
