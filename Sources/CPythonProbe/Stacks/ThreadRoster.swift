import CLinux
import CPythonLayouts
import Observations
import TargetMemory

/// The threads of a process that are sampled, and the lock that they share.
///
/// One thread: the sampler's.
final class ThreadRoster {
    private let process: PythonProcess
    private let isBlocking: Bool
    /// Lists the threads: the list is mostly as it was, and checked in one read.
    private let lister: ObjectReader
    private let list: ReadAhead
    private(set) var threads: [WatchedThread] = []
    /// Id and name of each thread that was ever there, by its number.
    private(set) var info: [UInt64: (tid: Int32, name: String)] = [:]
    /// The main interpreter's lock; `nil` when it is not known.
    private(set) var lock: RemoteAddress?
    /// The CPU that the target was left alone on last.
    private var avoidedCPU: Int32 = -1

    /// The threads of `process`; `isBlocking`: each is stopped while it is read.
    init(_ process: PythonProcess, isBlocking: Bool) {
        self.process = process
        self.isBlocking = isBlocking
        list = ReadAhead(process.memory)
        lister = ObjectReader(list, layout: process.layout)
    }

    /// Reads the list of threads again.
    ///
    /// - Returns: those that are there.
    /// - Throws: when the list is gone with the interpreter, or the process is.
    func refresh() throws(RemoteReadError) -> [PythonThread] {
        list.beginWalk()
        // Where it is was settled when the interpreter began.
        lock = try? lock ?? lister.lock(runtime: process.runtime, interpreter: process.mainInterpreter)
        var present: [PythonThread] = []
        for interpreter in process.interpreters { present += try lister.threads(interpreter: interpreter) }
        threads.removeAll { old in !present.contains { $0 == old.sampler.thread } }
        for thread in present where !threads.contains(where: { $0.sampler.thread == thread }) { watch(thread) }
        leaveProcessor()
        return present
    }

    private func watch(_ thread: PythonThread) {
        let tid = TargetThreads.outerID(of: thread.tid, in: process.pid)
        let number = UInt64(info.count + 1)
        let watched = WatchedThread(
            ThreadSampler(thread, of: process, lock: lock), tid: tid, in: process.pid, number: number,
            isBlocking: isBlocking)
        threads.append(watched)
        info[number] = (tid, watched.name)
    }

    /// The thread that runs most is kept a CPU of its own, where there are several.
    private func leaveProcessor() {
        guard let busiest = threads.first(where: { $0.activity == .running && $0.cpu >= 0 }), busiest.cpu != avoidedCPU
        else { return }
        avoidedCPU = busiest.cpu
        _ = ls_avoid_cpu(busiest.cpu)
    }
}
