import AgentRing
import Clocks
public import Observations
import RemoteProcess

/// Observes every process that the agent counts, through the folder where their memories are. Every event is counted: grade
/// exact.
///
/// Processes come and go (workers, reloads): a memory that appears is read from its beginning, one whose process has ended
/// is read to its end.
public struct AgentProbe: Probe {
    /// What is observed.
    public struct Target: Sendable {
        /// The folder.
        public var folder: AgentFolder
        /// The process whose end ends the observing; `nil` when it cannot be seen from here: then the end of the last that
        /// is counted does.
        public var root: Int32?
        /// Whether its processes were there before us.
        public var isJoined: Bool
        /// Writes into processes that loading the agent took, and will take to remove it.
        public var writes = 0
        /// For a person: `uvicorn 0.38.0, CPython 3.13.5`.
        public var description: String
        /// Our own version.
        public var tool: String

        /// A target.
        public init(
            folder: AgentFolder, root: Int32?, isJoined: Bool = false, description: String, tool: String
        ) {
            (self.folder, self.root, self.isJoined) = (folder, root, isJoined)
            (self.description, self.tool) = (description, tool)
        }
    }

    /// How often counters and events are read: a ring holds more than a tenth of a second of 200 000 a second.
    private static let period = Duration.milliseconds(50)
    /// How often when the last look found much.
    private static let busyPeriod = Duration.milliseconds(10)
    /// How often those who are alive are counted.
    private static let censusEvery = Nanoseconds.milliseconds(500)
    /// How long nobody is counted before a server whose master cannot be seen is taken for ended: one that reloads has no
    /// process for a moment.
    private static let patience = Nanoseconds.seconds(3)

    /// How long the first census waits for whoever reads the same process: for its first census and its first loop, which a
    /// WSGI server does not have.
    private static let readerPatience = Nanoseconds.seconds(3)

    private let target: Target
    private let desk: CensusDesk

    /// A probe of all processes of a target.
    public init(_ target: Target, desk: CensusDesk = CensusDesk()) { (self.target, self.desk) = (target, desk) }

    /// Observes until cancelled, or until the root process ends.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        var state = State(folder: target.folder, desk: desk, joins: target.isJoined)
        // The foot of the report says what was done to the target; an agent inside it is more than "0 writes".
        let note = "events were counted by loopscope's agent, which runs inside the server (docs/agent.md)"
        sink.record([.start(start()), .note(ProbeNote(time: .now(), pid: target.root, text: note))])
        if target.writes > 0 { sink.record([.impact(Impact(writes: target.writes))]) }
        var nextCensus = Moment(nanoseconds: .min)
        var lastCounted = Moment.now()
        while true {
            let now = Moment.now()
            let isCensusDue = now >= nextCensus
            sink.record(state.look(at: now, census: isCensusDue))
            if isCensusDue { nextCensus = now + Self.censusEvery }
            if !state.isOverNow { lastCounted = now }
            let isOver = target.root.map { !ProcessState.isRunning($0) } ?? (now - lastCounted > Self.patience)
            if isOver, state.isOverNow {
                sink.record(state.look(at: .now(), census: true, isLast: true))
                return SessionEnd(time: .now(), reason: .targetExited)
            }
            // The cadence of reading the rings: nobody tells when there is something new in one.
            do { try await Task.sleep(for: state.isBusy ? Self.busyPeriod : Self.period) } catch {
                sink.record(state.look(at: .now(), census: true, isLast: true))
                return SessionEnd(time: .now(), reason: .interrupted)
            }
        }
    }

    private func start() -> SessionStart {
        SessionStart(
            time: .now(), wallClock: WallClock.now(), kind: .cpython,
            description: target.description, pid: target.root, grade: .exact, tool: target.tool)
    }

    /// All memories. One task.
    private struct State {
        let folder: AgentFolder
        let desk: CensusDesk
        /// Whether those that are there at the first look began before us.
        var joins: Bool
        var counted: [String: Counted] = [:]
        var isOver: Set<String> = []

        init(folder: AgentFolder, desk: CensusDesk, joins: Bool) {
            (self.folder, self.desk, self.joins) = (folder, desk, joins)
        }

        /// Whether any of them had much to tell.
        var isBusy: Bool { counted.values.contains { $0.fold.isBusy } }

        /// Whether no process that was counted runs any more.
        var isOverNow: Bool { counted.isEmpty }

        mutating func look(at now: Moment, census: Bool, isLast: Bool = false) -> [Observation] {
            find(at: now)
            var observations: [Observation] = []
            for path in counted.keys.sorted() {
                guard var process = counted[path] else { continue }
                // Asked before its memory is read: what it wrote last is then in it.
                let isRunning = process.isRunning(besides: counted.values)
                observations += process.fold.advance(to: now)
                if (census && !isEarly(process, now)) || isLast || !isRunning {
                    let alive = process.fold.census(at: now)
                    observations.append(.connections(desk.complete(alive.connections)))
                    if !desk.isRead(process.fold.pid) { observations.append(.tasks(alive.tasks)) }
                }
                counted[path] = isRunning ? process : nil
                if !isRunning { isOver.insert(path) }
            }
            return observations
        }

        /// Whether a census would still lack what the reader of the process is about to say, which has a while to say it.
        private func isEarly(_ process: Counted, _ now: Moment) -> Bool {
            now - process.since < AgentProbe.readerPatience && desk.awaitsReader(of: process.fold.pid)
        }

        /// Takes up memories that were not there the last time.
        private mutating func find(at now: Moment) {
            for path in folder.rings() where counted[path] == nil && !isOver.contains(path) {
                guard let file = RingFile(path), let process = Counted(file, at: now, joins: joins) else {
                    isOver.insert(path)
                    continue
                }
                counted[path] = process
                desk.counts(process.fold.pid)
            }
            joins = false
        }
    }
}
