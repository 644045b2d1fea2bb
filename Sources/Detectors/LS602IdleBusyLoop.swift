public import Analysis
import Observations

/// LS602: a coroutine asks for something again and again and keeps its loop from ever waiting.
public struct IdleBusyLoop: Detector {
    /// How long a task must be seen polling, at least, and in how many censuses.
    static let (patience, sightings) = (Nanoseconds.seconds(3), 3)
    /// Turns a second below which a loop is not busy.
    static let leastTurns = 500.0
    /// More of the application's own work than this in one turn is work, not polling: to ask again takes 0.1 to 0.5 µs, and on a
    /// machine that is loaded fourfold up to 2.
    static let leastWork = Nanoseconds.microseconds(5)
    /// So is more than this share of what the loop's thread does at all.
    static let leastWorkShare = 0.5

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS602", title: "idle busy loop", severity: .high, minimumGrade: .read,
            meaning: """
                A task waits for something by asking for it again and again: `while not ready: await asyncio.sleep(0)`. \
                The loop never waits for events, so an idle server uses a whole core, and each connection that does the \
                same slows all others down.
                """,
            detection: """
                In every census over three seconds the same coroutine is ready to run and suspended in a bare yield \
                (`asyncio.sleep(0)`), the loop turns at least 500 times a second, and what the application itself does \
                in one turn is less than 5 µs and less than half of what the loop's thread does, by its samples.
                """,
            falsePositives: """
                Honest work that lets others in with sleep(0) between its slices looks alike, but works: its slices are \
                longer, or it ends. A swallowed stop (LS001) spins without a bare yield and is told apart by that.
                """,
            fixes: [
                ("asyncio", "wait for an `asyncio.Event`, a `Future` or a `Queue` that is set when there is news"),
                ("Django Channels", "send a layer message to the consumer instead of polling a flag"),
            ],
            reproduce: "fixtures/servers: open /ws/busy-idle")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let byProcess = Dictionary(grouping: evidence.taskCensuses, by: \.pid)
        guard !byProcess.isEmpty else { return .notEnoughEvidence("no census of tasks was taken") }
        let findings = byProcess.sorted { $0.key < $1.key }.flatMap { pid, censuses in
            Poller.find(in: censuses).compactMap { finding($0, pid, evidence) }
        }
        if !findings.isEmpty { return .found(findings) }
        guard byProcess.values.contains(where: { $0.spans(Self.patience, atLeast: Self.sightings) }) else {
            return .notEnoughEvidence("tasks were not counted for 3 s")
        }
        return .holds
    }

    private func finding(_ poller: Poller, _ pid: Int32, _ evidence: Evidence) -> Finding? {
        // The loop that turns most is the one that is kept from waiting.
        guard
            let loop = evidence.loops.filter({ $0.pid == pid })
                .max(by: { ($0.ticksPerSecond ?? 0) < ($1.ticksPerSecond ?? 0) }),
            let turns = loop.ticksPerSecond, turns >= Self.leastTurns
        else { return nil }
        let work = poller.ownWork(in: evidence, pid)
        let own = work.perSecond / (turns * Double(poller.count))
        guard own < Self.leastWork.seconds, work.share < Self.leastWorkShare else { return nil }
        let function = poller.frame.function
        var lines = [
            "\(poller.count.counted("task")) in \(function) asked again in each turn of the loop and waited for nothing"
        ]
        let load = loop.loadPercent.map { ", \(Int($0.rounded())) % busy" } ?? ""
        lines.append("loop \(loop.loop) turns \(Int(turns).spaced) times a second\(load)")
        if let line = poller.frame.line { lines.append("at line \(line), `await asyncio.sleep(0)` or a bare yield") }
        return card.finding(
            severity: (loop.loadPercent ?? 0) >= 50 ? .critical : .high, confidence: .strong, grade: .sampled, pid: pid,
            consumer: poller.consumer, count: poller.count, location: poller.frame.place, evidence: lines,
            howSure: "ready to run in \(poller.sightings) of \(poller.sightings) censuses over "
                + "\(poller.span.seconds.spokenSeconds), with \((own * 1e7).rounded() / 10) µs of its own work in a turn",
            fix: "in \(function), wait for an asyncio.Event, a future or a queue instead of asking in a loop",
            check: "count the loop's turns with `python -X dev`, or put a sleep(0.05) there: the CPU falls at once",
            focus: poller.frame.line)
    }
}

/// A coroutine that was found polling in every census of a process.
struct Poller {
    var consumer: String?
    var frame: Frame
    /// Tasks that do it, in the census that had fewest.
    var count: Int
    var sightings: Int
    var span: Nanoseconds

    private struct Key: Hashable {
        let consumer: String?
        let function: String
        let file: String?
    }

    /// Pollers seen in each of the last censuses, over `IdleBusyLoop.patience` at least.
    static func find(in censuses: [TaskCensus]) -> [Poller] {
        guard let last = censuses.last else { return [] }
        var found: [Key: Poller] = [:]
        for (key, poller) in polling(in: last) {
            var poller = poller
            for census in censuses.reversed().dropFirst() {
                guard let before = polling(in: census)[key] else { break }
                poller.count = min(poller.count, before.count)
                poller.sightings += 1
                poller.span = last.time - census.time
            }
            if poller.span >= IdleBusyLoop.patience, poller.sightings >= IdleBusyLoop.sightings { found[key] = poller }
        }
        return found.values.sorted { ($0.count, $1.frame.function) > ($1.count, $0.frame.function) }
    }

    private static func polling(in census: TaskCensus) -> [Key: Poller] {
        var pollers: [Key: Poller] = [:]
        for group in census.groups where group.state == .ready || group.state == .running {
            guard let frame = group.stack.poller else { continue }
            let key = Key(consumer: group.consumer, function: frame.function, file: frame.file)
            pollers[
                key, default: Poller(consumer: group.consumer, frame: frame, count: 0, sightings: 1, span: .zero)
            ].count += group.count
        }
        return pollers
    }

    /// What loop threads did in the function itself, not in what it called: seconds of it a second, and its share of all
    /// that they did.
    func ownWork(in evidence: Evidence, _ pid: Int32) -> (perSecond: Double, share: Double) {
        var threads: [Int32: (own: Double, ran: Double, all: Double)] = [:]
        for sample in evidence.stacks where sample.pid == pid && sample.stack.turn != nil {
            let weight = sample.weight.seconds
            threads[sample.tid, default: (0, 0, 0)].all += weight
            guard sample.activity != .idle else { continue }
            threads[sample.tid, default: (0, 0, 0)].ran += weight
            guard sample.stack.leaf?.isOfSameFunction(as: frame) == true else { continue }
            threads[sample.tid, default: (0, 0, 0)].own += weight
        }
        let (own, ran) = threads.values.reduce((0, 0)) { ($0.0 + $1.own, $0.1 + $1.ran) }
        // On a machine with no processor to spare many samples are never taken: the time is shared out among those that were.
        let perSecond = threads.values.reduce(0) { $0 + $1.own / max($1.all, 1e-9) }
        return (perSecond, ran > 0 ? own / ran : 0)
    }
}

extension StackTrace {
    /// The application's frame of a task that is suspended in a bare yield, or runs and may be about to.
    fileprivate var poller: Frame? {
        guard let place = frames.lastIndex(where: \.isApplication) else { return nil }
        let inner = frames[(place + 1)...]
        // asyncio/tasks.py: `sleep(0)` goes through `__sleep0`, which is a bare yield.
        let isBare = inner.allSatisfy { frame in
            frame.file?.hasSuffix("asyncio/tasks.py") == true && ["sleep", "__sleep0"].contains(frame.function)
        }
        return isBare ? frames[place] : nil
    }
}

extension [TaskCensus] {
    fileprivate func spans(_ length: Nanoseconds, atLeast count: Int) -> Bool {
        guard let first, let last, self.count >= count else { return false }
        return last.time - first.time >= length
    }
}
