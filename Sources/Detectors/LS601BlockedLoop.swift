public import Analysis
public import Observations

/// LS601: something ran on an event loop for so long that every connection of that loop had to wait.
public struct BlockedLoop: Detector {
    /// Blocks shorter than this are not worth a finding.
    public static let threshold = Nanoseconds.milliseconds(100)
    /// A block that was sampled and came once only must be this long: starting up and importing take their time, once.
    public static let thresholdOfOne = Nanoseconds.milliseconds(500)

    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS601", title: "blocked loop", severity: .critical, minimumGrade: .sampled,
            meaning: """
                A handler kept its event loop for more than 100 ms at a stretch: a blocking call or a long computation. \
                Every other connection of that loop waits meanwhile: pings are missed, healthy clients are cut.
                """,
            detection: """
                In a Python process: the loop's thread is outside its wait for events in sample after sample while no \
                tick passes; asyncio keeps the moment at which a tick began in memory. The innermost frame of the \
                application that the turn runs is named, and the consumer whose message it handles. In the embedded \
                runtime: a heartbeat on the loop came late, and while it was missing the native stack of the loop's \
                thread was taken.
                """,
            falsePositives: """
                A machine without a free core holds loops up too: time that the thread spent in the run queue is not \
                counted, nor time in which it waited for the interpreter's lock while another thread had it, and a process \
                that spends much of its time in the run queue must block longer. Not counted is a turn \
                with a hundred callbacks or more of less than 2 ms each: thousands of connections that close at once. A \
                sampled block counts when its place blocked twice, or once for half a second; importing a module is not \
                counted. A heartbeat's block is only reported when its stack shows code of the application, or when it \
                happened more than once at the same place.
                """,
            fixes: [
                (
                    "Django Channels",
                    "make the call awaitable, or wrap it in `sync_to_async(…, thread_sensitive=False)`"
                ),
                ("asyncio", "`await asyncio.to_thread(…)`, or a library that awaits"),
                ("Swift", "move the call off the loop: `NIOThreadPool.runIfActive`, or an async API"),
            ],
            reproduce: "loopscope serve, then send a message to /ws/blocking")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let blocks = evidence.blocks.filter { $0.length >= Self.threshold($0, evidence) && !$0.isImporting }
        // One function is one cause, whichever of its lines the stack was taken at.
        let byPlace = Dictionary(grouping: blocks) { block in
            let frame = Self.culprit(block.stack)
            return Place(consumer: block.consumer, function: frame?.function, file: frame?.file)
        }
        let findings = byPlace.filter { Self.isTelling($0.key, $0.value) }
            .map { finding($0.key, $0.value, evidence) }
        guard findings.isEmpty else { return .found(findings.sorted { $0.count > $1.count }) }
        let isWatched = evidence.loops.contains { $0.heartbeatLag != nil || ($0.grade >= .sampled && $0.isTicking) }
        return isWatched ? .holds : .notEnoughEvidence("no heartbeat on the target's loops, and no ticks in its memory")
    }

    /// A process that waits for a processor most of the time is not charged with it: what its thread waited before a turn
    /// became interesting was not seen.
    private static func threshold(_ block: LoopBlock, _ evidence: Evidence) -> Nanoseconds {
        guard block.samples != nil,
            let waits = evidence.processes.first(where: { $0.last.pid == block.pid })?.runQueuePercent
        else { return threshold }
        return Nanoseconds(Int64(Double(threshold.count) / max(0.1, 1 - waits / 100)))
    }

    private struct Place: Hashable {
        let consumer: String?
        let function: String?
        let file: String?
    }

    private static func isTelling(_ place: Place, _ blocks: [LoopBlock]) -> Bool {
        guard blocks.contains(where: { $0.samples != nil }) else { return place.function != nil || blocks.count > 1 }
        return blocks.count > 1 || blocks.contains { $0.length >= thresholdOfOne && place.function != nil }
    }

    /// The innermost frame of the turn with a source line that is the application's.
    static func culprit(_ stack: StackTrace) -> Frame? {
        (stack.turn ?? stack.frames[...]).last { $0.line != nil && $0.isApplication }
    }

    private func finding(_ place: Place, _ blocks: [LoopBlock], _ evidence: Evidence) -> Finding {
        let longest = blocks.max { $0.length < $1.length }
        let length = longest?.length ?? .zero
        let loops = Set(blocks.map(\.loop)).sorted().joined(separator: ", ")
        let isSampled = blocks.contains { $0.samples != nil }
        let frame = longest.flatMap { Self.culprit($0.stack) }
        var lines = [
            "loop \(loops) blocked \(blocks.count.counted("time")), \(Int(length.seconds * 1000)) ms at the longest"
        ]
        if let message = blocks.compactMap(\.message).first { lines.append("while dispatching \(message)") }
        if isSampled, let line = frame?.line, line != frame?.definition { lines.append("at line \(line)") }
        if let leaf = blocks.compactMap(\.stack.leaf).first, leaf.function != place.function {
            lines.append("in \(leaf.function)")
        }
        let share = blocks.reduce(0) { $0 + $1.length.seconds } / max(evidence.duration.seconds, 1e-9)
        if isSampled, share >= 0.01 { lines.append("\(Int((min(1, share) * 100).rounded())) % of the time observed") }
        let name = place.function ?? "the call"
        return card.finding(
            severity: length < .milliseconds(250) && blocks.count < 3 ? .high : .critical,
            confidence: isSampled || place.function == nil ? .strong : .proof,
            grade: isSampled ? .sampled : evidence.start?.grade ?? .sampled, pid: blocks.first?.pid,
            consumer: place.consumer, count: blocks.count,
            location: isSampled
                ? frame?.place
                : place.function.map { CodeLocation(function: $0, file: place.file, line: frame?.line) },
            evidence: lines,
            howSure: isSampled
                ? Self.howSure(blocks) : "the stack was taken while the loop's heartbeat was missing",
            fix: "move the blocking call in \(name) off the loop, or await an asynchronous one",
            check: "time the call: everything over a few milliseconds stalls every connection of the loop",
            focus: isSampled ? frame?.line : nil)
    }

    private static func howSure(_ blocks: [LoopBlock]) -> String {
        let samples = blocks.compactMap(\.samples).reduce(0, +)
        return "seen there in \(samples.counted("sample")) of \(blocks.count.counted("turn")) of the loop in which no "
            + "tick passed; time in which the thread waited for a processor is not counted"
    }
}

extension LoopBlock {
    /// Whether the turn was loading a module: that comes once.
    fileprivate var isImporting: Bool {
        stack.turn?.contains { $0.file?.hasPrefix("<frozen importlib") ?? false } ?? false
    }
}

extension LoopSummary {
    /// Whether its ticks could be counted: then a turn that does not end would have been seen.
    fileprivate var isTicking: Bool { ticksPerSecond != nil }
}
