import AgentProbe
import CPythonProbe
import Clocks
import Instruments
import ObservationSocket
import Observations
import ProcessProbe
import RemoteProcess
import Session
import Synchronization

/// The probes of one process and of its workers: what a pid is, is asked in the order observation socket, CPython, then any
/// process.
struct AttachTarget: Sendable {
    /// Most processes that are observed at once.
    static let processLimit = 64

    /// Everything that observes it.
    let probe: CompositeProbe
    /// What cannot be seen, and what more would need.
    let remarks: [String]
    /// For a person: `process 4711`.
    let name: String

    /// Processes that are counted by the agent in a folder, wherever they run: nothing of theirs is read but its files.
    init(counted folder: AgentFolder) {
        let target = AgentProbe.Target(
            folder: folder, root: nil, isJoined: true, description: "processes counted in \(folder.path)",
            tool: Loopscope.version)
        probe = CompositeProbe(leaders: [AgentProbe(target)])
        remarks = ["stacks, ticks and where consumers wait are not seen: they are read from a process, with --pid"]
        name = "what is counted in \(folder.path)"
    }

    /// Finds out what `pid` and its descendants are.
    ///
    /// - Parameters:
    ///   - rate: stack samples a second; `nil` without a pause.
    ///   - isBlocking: whether each thread is stopped while its stack is read.
    ///   - agent: where the same processes are counted; `nil` when they are not.
    ///   - writes: what loading the agent wrote into them, and removing it will.
    ///   - isJoined: whether they were counted before we came.
    /// - Throws: `CommandError` when nothing of it can be read.
    init(
        pid: Int32, rate: Double?, isBlocking: Bool = false, agent: AgentFolder? = nil, isJoined: Bool = false,
        writes: Int = 0
    ) throws {
        let finder = CandidateFinder()
        let adopted = agent?.processes() ?? []
        let family = Self.family(of: pid, adopted).prefix(Self.processLimit)
        let options = PythonProbe.Options(rate: rate, isBlocking: isBlocking, tool: Loopscope.version)
        let desk = CensusDesk()
        var readers: [any Probe] = []
        var remarks: [String] = []
        var description: String?
        for member in family where member == pid || finder.isPython(member) {
            if let stream = Self.stream(of: member, &remarks) {
                readers.append(stream)
                continue
            }
            do throws(PythonAttachError) {
                let probe = try PythonProbe(pid: member, options: options)
                description = description ?? probe.description
                readers.append(agent == nil ? probe : ReadingProbe(probe, of: member, desk: desk))
            } catch {
                // Where everything is counted, what cannot be read is missed and not needed.
                if agent == nil, error == .notPermitted(member) { throw Self.refusal(pid: member) }
                if agent == nil, error == .gone(member), member == pid { throw Self.refusal(pid: pid) }
                if let remark = Self.remark(error, of: member) { remarks.append(remark) }
            }
        }
        let processes = family.map { ProcessProbe(pid: $0, tool: Loopscope.version) as any Probe }
        if let agent {
            var target = AgentProbe.Target(
                folder: agent, root: pid, isJoined: isJoined, description: description ?? "Python",
                tool: Loopscope.version)
            target.writes = writes
            readers.insert(AgentProbe(target, desk: desk), at: 0)
        }
        let newcomers = Newcomers(of: pid, known: family, options, desk: agent == nil ? nil : desk)
        probe =
            readers.isEmpty
            ? CompositeProbe(leaders: processes)
            : CompositeProbe(leaders: readers, followers: processes) { newcomers.look() }
        self.remarks = remarks
        name = "process \(pid)"
    }

    /// A process, what it started, and what it has left to others.
    private static func family(of pid: Int32, _ adopted: [Int32]) -> [Int32] {
        let tree = ProcessTree()
        return ([pid] + adopted).reduce(into: []) { family, member in
            family += ([member] + tree.descendants(of: member)).filter { !family.contains($0) }
        }
    }

    /// What is to be said of a process that cannot be read; `nil` of one that has ended.
    private static func remark(_ error: PythonAttachError, of pid: Int32) -> String? {
        switch error {
        case .gone: nil
        case .notPermitted: "process \(pid) may not be read: its events are counted, its stacks are not seen"
        case .notPython:
            "process \(pid) runs no CPython: its threads are seen through /proc only; stacks and tasks need CPython 3.9 to 3.15"
        case .layout: "process \(pid): \(error); its threads are seen through /proc only"
        }
    }

    /// The probe of a process that offers its own observations: the runtime, or whoever is built on it.
    private static func stream(of pid: Int32, _ remarks: inout [String]) -> StreamProbe? {
        do throws(ObservationStream.Failure) {
            guard let stream = try ObservationStream.open(pid: pid) else { return nil }
            return StreamProbe(stream, tool: Loopscope.version, now: Moment.now)
        } catch {
            remarks.append("process \(pid) offers its own observations, but \(error)")
            return nil
        }
    }

    /// Why the kernel refuses, and the one remedy that fits.
    static func refusal(pid: Int32) -> CommandError {
        switch AttachPermission.judge(pid, wasRefused: true) {
        case .allowed:
            CommandError(
                "cannot read the memory of process \(pid): Operation not permitted",
                why: "no setting of this machine explains it: a security module may forbid it",
                do: "look at the kernel's log: `dmesg | tail`", status: .notPermitted)
        case .denied(let error):
            CommandError(
                error.what, why: error.why, do: error.remedy, status: error.isGone ? .unavailable : .notPermitted)
        }
    }
}

/// Workers that are started while their master is observed: in place of one that died, or beside the others.
private final class Newcomers: Sendable {
    private let master: Int32
    private let options: PythonProbe.Options
    private let desk: CensusDesk?
    private let known: Mutex<Set<Int32>>

    init(of master: Int32, known: some Sequence<Int32>, _ options: PythonProbe.Options, desk: CensusDesk?) {
        (self.master, self.options, self.desk) = (master, options, desk)
        self.known = Mutex(Set(known))
    }

    /// The probes of those that are new. One that cannot be read yet is looked at again the next time.
    func look() -> CompositeProbe.Newcomers {
        var newcomers = CompositeProbe.Newcomers()
        for pid in ProcessTree(below: master).descendants(of: master) {
            let isNew = known.withLock { !$0.contains(pid) && $0.count < AttachTarget.processLimit }
            guard isNew, CandidateFinder().isPython(pid), let probe = try? PythonProbe(pid: pid, options: options)
            else {
                continue
            }
            known.withLock { _ = $0.insert(pid) }
            newcomers.leaders.append(desk.map { ReadingProbe(probe, of: pid, desk: $0) } ?? probe)
            newcomers.followers.append(ProcessProbe(pid: pid, tool: Loopscope.version))
        }
        return newcomers
    }
}
