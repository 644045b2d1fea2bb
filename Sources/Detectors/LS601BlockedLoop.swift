public import Analysis
public import Observations

/// LS601: something ran on an event loop for so long that every connection of that loop had to wait.
public struct BlockedLoop: Detector {
    /// Blocks shorter than this are not worth a finding.
    public static let threshold = Nanoseconds.milliseconds(100)

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
                A heartbeat on the loop came late, and while it was missing the native stack of the loop's thread was \
                taken: the innermost frame with a source line is named. The loop's own tick times cannot be trusted \
                alone, they do not see time spent in I/O handlers.
                """,
            falsePositives: """
                A machine without a free core delays heartbeats too: a block is only reported when its stack shows code \
                of the application, or when it happened more than once at the same place.
                """,
            fixes: [
                (
                    "Django Channels",
                    "make the call awaitable, or wrap it in `sync_to_async(…, thread_sensitive=False)`"
                ),
                ("Swift", "move the call off the loop: `NIOThreadPool.runIfActive`, or an async API"),
            ],
            reproduce: "loopscope serve, then send a message to /ws/blocking")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let blocks = evidence.blocks.filter { $0.length >= Self.threshold }
        guard blocks.isEmpty else {
            // One function is one cause, whichever of its lines the stack was taken at.
            let byPlace = Dictionary(grouping: blocks) { block in
                let frame = Self.culprit(block.stack)
                return Place(consumer: block.consumer, function: frame?.function, file: frame?.file)
            }
            let findings = byPlace.filter { $0.key.function != nil || $0.value.count > 1 }
                .map { finding($0.key, $0.value, grade: evidence.start?.grade ?? .sampled) }
            return findings.isEmpty ? .holds : .found(findings.sorted { $0.count > $1.count })
        }
        let beats = evidence.loops.contains { $0.heartbeatLag != nil }
        return beats ? .holds : .notEnoughEvidence("no heartbeat on the target's loops")
    }

    private struct Place: Hashable {
        let consumer: String?
        let function: String?
        let file: String?
    }

    /// The innermost frame with a source line that is the application's.
    static func culprit(_ stack: StackTrace) -> Frame? {
        stack.frames.last { $0.line != nil && $0.isApplication }
    }

    private func finding(_ place: Place, _ blocks: [LoopBlock], grade: Grade) -> Finding {
        let longest = blocks.map(\.length).max() ?? .zero
        let loops = Set(blocks.map(\.loop)).sorted().joined(separator: ", ")
        var lines = [
            "loop \(loops) blocked \(blocks.count.counted("time")), \(Int(longest.seconds * 1000)) ms at the longest"
        ]
        if let message = blocks.compactMap(\.message).first { lines.append("while dispatching \(message)") }
        if let leaf = blocks.compactMap(\.stack.leaf).first, leaf.function != place.function {
            lines.append("in \(leaf.function)")
        }
        let name = place.function ?? "the call"
        let longestBlock = blocks.max { $0.length < $1.length }
        let line = longestBlock.flatMap { Self.culprit($0.stack)?.line }
        return card.finding(
            severity: longest < .milliseconds(250) && blocks.count < 3 ? .high : .critical,
            confidence: place.function == nil ? .strong : .proof, grade: grade, pid: blocks.first?.pid,
            consumer: place.consumer, count: blocks.count,
            location: place.function.map { CodeLocation(function: $0, file: place.file, line: line) },
            evidence: lines, howSure: "the stack was taken while the loop's heartbeat was missing",
            fix: "move the blocking call in \(name) off the loop, or await an asynchronous one",
            check: "time the call: everything over a few milliseconds stalls every connection of the loop")
    }
}
