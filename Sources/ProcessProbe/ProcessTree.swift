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

    /// What `pid` started, and what these started, by the kernel's own lists of children (proc_pid_task_children(5)): a few
    /// small files instead of one for each process there is. A kernel without such lists is asked for all processes.
    public init(below pid: Int32, _ proc: ProcFS = ProcFS()) {
        guard Self.started(by: pid, proc) != nil else {
            self.init(proc)
            return
        }
        self.init(children: [:])
        var next = [pid]
        while let parent = next.popLast(), children.count < Self.maximumProcesses {
            guard children[parent] == nil else { continue }
            let found = Self.started(by: parent, proc) ?? []
            children[parent] = found.sorted()
            next += found
        }
    }

    private init(children: [Int32: [Int32]]) { self.children = children }

    /// The children of all threads of a process; `nil` where the kernel does not tell.
    private static func started(by pid: Int32, _ proc: ProcFS) -> [Int32]? {
        var found: [Int32] = []
        var isKnown = false
        for thread in (try? proc.numbers(in: proc.path(pid, "task"), limit: 4096)) ?? [] {
            guard let list = try? proc.read(pid, "task/\(thread)/children", limit: 1 << 20) else { continue }
            isKnown = true
            found += list.split(separator: UInt8(ascii: " ")).compactMap { Int32(ascii: $0) }
        }
        return isKnown ? found : nil
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
