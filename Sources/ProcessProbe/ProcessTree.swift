public import RemoteProcess

/// Which process started which: a server's master leads to its workers.
public struct ProcessTree: Hashable, Sendable {
    private var children: [Int32: [Int32]] = [:]

    /// Most processes that are looked at.
    public static let maximumProcesses = 65_536

    /// Reads the parent of every process; those that end meanwhile are left out.
    public init(_ proc: ProcFS = ProcFS()) {
        for pid in (try? proc.numbers(in: proc.root, limit: Self.maximumProcesses)) ?? [] {
            guard let line = try? proc.read(pid, "stat", limit: 4096), let stat = ProcStat(parsing: line) else {
                continue
            }
            children[stat.parent, default: []].append(pid)
        }
    }

    /// The processes that `pid` started, ascending.
    public func children(of pid: Int32) -> [Int32] { children[pid] ?? [] }

    /// The processes that `pid`, or one of these, started: nearest first. Each once, whatever /proc says.
    public func descendants(of pid: Int32) -> [Int32] {
        var found: [Int32] = []
        var seen: Set<Int32> = [pid]
        var next = children(of: pid)
        while !next.isEmpty {
            next = next.filter { seen.insert($0).inserted }
            found += next
            next = next.flatMap { children(of: $0) }
        }
        return found
    }
}
