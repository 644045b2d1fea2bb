import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// A coroutine that waits for a thread, or for one that runs its call. Source: asgiref 3.7 to 3.13, asgiref/sync.py.
struct BridgeWait {
    /// The list by which the thread that runs the call is known: `SyncToAsync.__call__` and `thread_handler` share it.
    var context: RemoteAddress
    var executor: RemoteAddress
    var workers: Int?
    var site: Frame?
}

extension ObjectReader {
    /// The call that a chain waits for; `nil` when it waits for none.
    func bridgeWait(of chain: CoroutineChain, _ chains: ChainTable) throws(RemoteReadError) -> BridgeWait? {
        guard let place = chain.links.lastIndex(where: { $0.frame.code.role.contains(.bridgeCall) }) else { return nil }
        let frame = chain.links[place].frame
        let context = try local("task_context", of: frame)
        guard context != 0 else { return nil }
        var call = BridgeWait(context: context, executor: try local("executor", of: frame))
        if call.executor != 0 {
            if try isNone(call.executor) {
                call.executor = 0
            } else if try type(of: call.executor)?.name == "CurrentThreadExecutor" {
                call.workers = 1
            } else {
                call.workers = try number("_max_workers", of: call.executor)
            }
        }
        if let link = chain.links[..<place].last(where: { $0.frame.code.isApplication }) {
            call.site = try chains.frame(link, self)
        }
        return call
    }
}

/// A census of the calls of synchronous code from coroutines, while it is being taken.
struct BridgeDraft {
    private struct Waiting {
        var wait: BridgeWait
        var consumer: String?
    }

    private struct Alike: Hashable {
        let executor: RemoteAddress
        let site: Frame?
        let consumer: String?
    }

    private let sources: TargetSources
    private var waiting: [RemoteAddress: Waiting] = [:]

    init(_ sources: TargetSources) { self.sources = sources }

    /// Notes that a task waits for a call; `consumer` is the class that it serves.
    mutating func note(_ wait: BridgeWait, consumer: String?) {
        waiting[wait.context] = Waiting(wait: wait, consumer: consumer)
    }

    /// Whether any task waits for a call: then it is worth looking at the threads.
    var isEmpty: Bool { waiting.isEmpty }

    /// The finished census; `runs` tells since when a thread has been inside calls.
    func census(
        at now: Moment, of process: PythonProcess, _ codes: CodeTable, _ runs: CallRuns?
    ) -> BridgeCensus {
        // Threads move on: what they do is read from the process as it is now, not from the census's snapshot.
        let reader = ObjectReader(process.memory, layout: process.layout)
        var rest = waiting
        var calls: [BridgeCall] = []
        for interpreter in process.interpreters {
            for thread in (try? reader.threads(interpreter: interpreter)) ?? [] {
                guard let stack = try? reader.stack(ofThread: thread.state, codes),
                    let call = try? running(stack, reader)
                else { continue }
                let tid = TargetThreads.outerID(of: thread.tid, in: process.pid)
                var found = call
                if let identity = found.running, let mine = rest.removeValue(forKey: identity) {
                    found.executor = mine.wait.executor
                    found.workers = mine.wait.workers
                    found.site = mine.wait.site
                    found.consumer = mine.consumer
                }
                found.thread = TargetThreads.name(of: tid, in: process.pid)
                found.since = runs?.start(of: tid)
                calls.append(found)
            }
        }
        var alike: [Alike: BridgeCall] = [:]
        for call in rest.values {
            let key = Alike(executor: call.wait.executor, site: call.wait.site, consumer: call.consumer)
            alike[
                key,
                default: BridgeCall(
                    executor: call.wait.executor, workers: call.wait.workers, site: call.wait.site,
                    consumer: call.consumer, count: 0)
            ].count += 1
        }
        calls += alike.values.sorted { ($0.count, $0.executor) > ($1.count, $1.executor) }
        return BridgeCensus(time: now, pid: process.pid, grade: .read, calls: calls)
    }

    /// The call that a thread runs, innermost frame first; `nil` when it runs none.
    private func running(_ stack: [PythonFrame], _ reader: ObjectReader) throws(RemoteReadError) -> BridgeCall? {
        guard let handler = stack.firstIndex(where: { $0.code.role.contains(.bridgeThread) }) else { return nil }
        let context = try reader.local("task_context", of: stack[handler])
        guard context != 0 else { return nil }
        return BridgeCall(
            executor: 0, running: context,
            function: stack[..<handler].first { $0.code.isApplication }.map(frame),
            waitsIn: stack.first.map(frame))
    }

    private func frame(_ frame: PythonFrame) -> Frame {
        Frame(
            kind: .python, function: frame.code.qualifiedName, file: frame.code.fileName, line: frame.line,
            definition: sources.definitionLine(of: frame.code))
    }
}
