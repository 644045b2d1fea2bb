import CPythonLayouts
public import Observations
import RemoteProcess
public import TargetMemory

/// All tasks and all consumers of a process at one instant.
public struct Census: Sendable {
    /// The tasks.
    public var tasks: TaskCensus
    /// The consumers.
    public var connections: ConnectionCensus
    /// The server implementations whose connections were seen: `websockets`.
    public var implementations: Set<String>
    /// Calls of synchronous code under way; `nil` when no task waits for one.
    public var bridges: BridgeCensus?
    /// The event loops of the tasks, with their type: `uvloop.Loop`.
    public var loops: [RemoteAddress: String]
    /// The methods of consumer classes that were not seen before.
    public var methods: [ConsumerMethod] = []
    /// The lists of receive tasks of the instances among `connections` that were given their disconnect.
    var receiveLists: [UInt64: RemoteAddress] = [:]
}

/// Takes censuses of a process: counts every asyncio task and every Channels consumer, and reads the few locals that
/// tell a stuck one (design §7), nothing else of the user's data.
///
/// Keeps what does not change between two censuses (code objects, classes, tasks that stand still). One thread.
public final class CensusTaker {
    private let process: PythonProcess
    private let walker: TaskWalker
    private let sources: TargetSources
    private var classes: ConsumerClasses
    private var isSurveyed = false
    private let runs: CallRuns?

    /// A taker of censuses of `process`.
    public convenience init(_ process: PythonProcess) { self.init(process, runs: nil) }

    /// A taker that knows since when threads have been inside bridge calls.
    init(_ process: PythonProcess, runs: CallRuns?) {
        self.process = process
        self.runs = runs
        sources = TargetSources(of: process)
        walker = TaskWalker(process, sources)
        classes = ConsumerClasses(sources, pid: process.pid)
    }

    /// Takes a census as of `now`; with `awaited` also who waits for whom.
    ///
    /// - Throws: `.gone` or another error when the process cannot be read at all.
    public func take(at now: Moment, awaited: Bool = false) throws(RemoteReadError) -> Census {
        let reader = walker.begin()
        classes.now = now
        if !isSurveyed {
            isSurveyed = true
            try? classes.survey(interpreter: process.mainInterpreter, reader, walker.codes)
        }
        var draft = CensusDraft(
            process, sources: sources, clock: CensusClock(now: now), asksForAwaited: awaited)
        draft.add(try walker.facts(), walker, reader, &classes)
        var census = draft.census(walker, reader, runs)
        census.methods = classes.takeMethods()
        return census
    }

    /// Counts the live objects of each type; `nil` when the collector was at work each time, or its lists would not
    /// stand still.
    public func types(at now: Moment) throws(RemoteReadError) -> TypeCensus? {
        var counts: [RemoteAddress: Int] = [:]
        var reader = walker.begin()
        for generation in ObjectReader.generations {
            guard let found = try objects(generation, &reader) else { return nil }
            counts.merge(found, uniquingKeysWith: +)
        }
        return TypeCensus(time: now, pid: process.pid, counts: reader.countsByName(counts))
    }

    /// One generation. The youngest changes all the time in a busy target, and is short: it is read again until its
    /// end is found.
    private func objects(_ generation: Int, _ reader: inout ObjectReader) throws(RemoteReadError) -> [RemoteAddress:
        Int]?
    {
        for _ in 0..<Self.tries {
            do throws(RemoteReadError) {
                if let found = try reader.trackedObjects(
                    generation: generation, interpreter: process.mainInterpreter, live: process.memory)
                {
                    return found
                }
            } catch { if error == .gone { throw error } }
            reader = walker.begin()
        }
        return nil
    }

    private static let tries = 16
}
