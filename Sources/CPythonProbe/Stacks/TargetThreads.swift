import RemoteProcess

/// The kernel's view of a target's threads.
enum TargetThreads {
    /// The id, as seen from here, of a thread that knows itself by `tid`: in a container another number.
    static func outerID(of tid: Int32, in pid: Int32) -> Int32 {
        let proc = ProcFS()
        guard let tasks = try? proc.numbers(in: proc.path(pid, "task"), limit: 4096) else { return tid }
        // The innermost namespace's number comes last in `NSpid:`, this one's first. Where there is one only, both agree.
        guard let first = tasks.first, (namespaceIDs(of: first, in: pid)?.count ?? 1) > 1 else { return tid }
        return tasks.first { namespaceIDs(of: $0, in: pid)?.last == tid } ?? tid
    }

    private static func namespaceIDs(of task: Int32, in pid: Int32) -> [Int32]? {
        guard let bytes = try? ProcFS().read(pid, "task/\(task)/status", limit: 16384) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("NSpid:") }?
            .split(separator: "\t").dropFirst().compactMap { Int32($0) }
    }

    /// A thread's name (comm); its number when it has gone.
    static func name(of tid: Int32, in pid: Int32) -> String {
        guard let bytes = try? ProcFS().read(pid, "task/\(tid)/comm", limit: 64) else { return "\(tid)" }
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
}
