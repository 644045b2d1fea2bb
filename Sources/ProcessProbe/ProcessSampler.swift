import Glibc
public import Observations
public import RemoteProcess

/// Reads one process out of /proc, again and again: CPU per thread, run-queue wait, context switches, memory,
/// descriptors, sockets.
///
/// Files are kept open between samples. Not `Sendable`: one thread at a time.
public final class ProcessSampler {
    /// The process as it was when the sampler was made.
    public let identity: ProcessIdentity
    private let proc: ProcFS
    private let stat: OpenFile
    private let uptime: OpenFile?
    private var threads: [Int32: ThreadFiles] = [:]
    private var limit: Int?
    private var census: SocketCensus?

    /// Most threads that are reported.
    public static let maximumThreads = 4096
    /// Most threads whose files are kept open, three each; the others are opened for each sample.
    static let maximumOpen = 128

    /// A sampler of `pid`.
    ///
    /// - Throws: when there is no such process.
    public init(pid: Int32, proc: ProcFS = ProcFS()) throws(ProcError) {
        identity = try ProcessIdentity(of: pid, in: proc)
        self.proc = proc
        stat = try OpenFile(proc.path(pid, "stat"))
        uptime = try? OpenFile("\(proc.root)/uptime")
    }

    /// What became of the process since the sampler was made.
    public var fate: ProcessIdentity.Fate { identity.fate(in: proc) }

    /// Whether the process waits for events through epoll, as event loops do; known after a sample with sockets.
    public var hasEpoll: Bool { census?.hasEpoll ?? false }

    /// The process now.
    ///
    /// - Parameter sockets: count its sockets too, which costs 1 µs a descriptor; otherwise the last count is repeated.
    /// - Throws: when it has ended.
    public func sample(at time: Moment, sockets: Bool = true) throws(ProcError) -> ProcessSample {
        let pid = identity.pid
        guard let now = ProcStat(parsing: try stat.read(at: 0, count: 1024)), now.startTicks == identity.startTicks,
            now.state != "Z"
        else { throw ProcError(path: stat.path, errno: ESRCH) }
        if sockets || census == nil {
            census = SocketCensus(of: pid, in: proc)
            limit = (try? proc.read(pid, "limits", limit: 8192)).flatMap { descriptorLimit(parsing: $0) }
        }
        let threads = try sampleThreads()
        return ProcessSample(
            time: time, pid: pid, parent: now.parent, name: now.comm,
            cpu: threads.reduce(.zero) { $0 + $1.cpu }, age: age(now),
            residentBytes: now.residentPages.multipliedReportingOverflow(by: Int(getpagesize())).partialValue,
            descriptors: descriptorCount() ?? census?.descriptors,
            descriptorLimit: limit, sockets: census?.states ?? [:], threads: threads,
            descriptorKinds: census?.kinds ?? [:])
    }

    private func sampleThreads() throws(ProcError) -> [ThreadSample] {
        let pid = identity.pid
        let tids = try proc.numbers(in: proc.path(pid, "task"), limit: Self.maximumThreads)
        var samples: [ThreadSample] = []
        samples.reserveCapacity(tids.count)
        for tid in tids {
            guard let files = threads[tid] ?? (try? ThreadFiles(pid, tid, in: proc)) else { continue }
            guard let sample = files.sample() else {
                threads[tid] = nil
                continue
            }
            if threads.count < Self.maximumOpen { threads[tid] = files }
            samples.append(sample)
        }
        if threads.count > samples.count {
            let alive = Set(tids)
            threads = threads.filter { alive.contains($0.key) }
        }
        return samples
    }

    /// How many descriptors are open. A few are listed; of many the size of their folder (since Linux 6.2) must do, in
    /// which a number that accept(2) has reserved and not filled counts too. Never the one now and the other then: the
    /// difference would look like a leak.
    private func descriptorCount() -> Int? {
        let folder = proc.path(identity.pid, "fd")
        // Asked first: the kernel lists a thousand at once, whether they are wanted or not. A copy of /proc has sizes of its own.
        let size = proc.root == "/proc" ? proc.size(folder) ?? 0 : 0
        if size > Self.listedDescriptors { return size }
        guard let listed = try? proc.numbers(in: folder, limit: Self.listedDescriptors + 1).count else { return nil }
        return listed <= Self.listedDescriptors ? listed : nil
    }

    /// Descriptors that are listed for each sample: 20 to 50 µs.
    private static let listedDescriptors = 256

    /// How long ago it started, from the same /proc as everything else.
    private func age(_ now: ProcStat) -> Nanoseconds {
        guard let text = try? uptime?.read(at: 0, count: 64),
            let seconds = Double(String(decoding: text.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)),
            seconds >= 0, seconds < 1e9
        else { return .zero }
        return max(Nanoseconds(Int64(seconds * 1e9)) - .clockTicks(now.startTicks), .zero)
    }
}
