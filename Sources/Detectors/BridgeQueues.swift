import Analysis
import Observations

/// One executor with one thread, in the last censuses of a process in each of which a call had the thread and others
/// waited for it.
struct BridgeQueue {
    /// Censuses in a row that are needed, and from the first to the last of them.
    static let (sightings, patience) = (3, Nanoseconds.milliseconds(1200))

    let pid: Int32
    /// What had the thread, and how many waited, oldest first.
    var sightings: [(time: Moment, running: BridgeCall, waiting: [BridgeCall])]

    /// The call that has the thread now.
    var running: BridgeCall { sightings[sightings.count - 1].running }
    /// Those that wait for it now.
    var waiting: [BridgeCall] { sightings[sightings.count - 1].waiting }
    /// From the first of these censuses to the last.
    var span: Nanoseconds { sightings[sightings.count - 1].time - sightings[0].time }
    /// The last of these censuses, as many and as long as are needed.
    var latest: ArraySlice<(time: Moment, running: BridgeCall, waiting: [BridgeCall])> {
        let end = sightings[sightings.count - 1].time
        let old = sightings.prefix { end - $0.time >= Self.patience }.count
        return sightings[max(0, min(old - 1, sightings.count - Self.sightings))...]
    }
    /// Fewest that waited in any of them.
    var leastWaiting: Int { sightings.map { $0.waiting.reduce(0) { $0 + $1.count } }.min() ?? 0 }

    /// Whether the very same call had the thread in as many of the last censuses as are needed, waiting for another thread's
    /// signal at the same place.
    var looksStuck: Bool {
        let first = latest[latest.startIndex].running
        return first.waitsIn?.isWaitForThread == true
            && latest.allSatisfy { sighting in
                sighting.running.running == first.running && sighting.running.waitsIn == first.waitsIn
                    && sighting.running.function == first.function
            }
    }

    /// Whether it did so all the time between them too.
    var isStuck: Bool {
        // The first census may be taken before the first sample.
        guard looksStuck, let second = latest.dropFirst().first?.time, let since = running.since else { return false }
        return since <= second
    }

    /// The queues of each process, those in their last census only.
    static func find(in censuses: [BridgeCensus]) -> [BridgeQueue] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { pid, mine -> [BridgeQueue] in
            guard let last = mine.last else { return [] }
            return Set(last.calls.filter { $0.workers == 1 }.map(\.executor)).sorted().compactMap { executor in
                queue(of: executor, in: mine, pid)
            }
        }
    }

    private static func queue(of executor: UInt64, in censuses: [BridgeCensus], _ pid: Int32) -> BridgeQueue? {
        var sightings: [(time: Moment, running: BridgeCall, waiting: [BridgeCall])] = []
        for census in censuses.reversed() {
            let calls = census.calls.filter { $0.executor == executor }
            let waiting = calls.filter { $0.running == nil }
            guard let running = calls.first(where: { $0.running != nil }), !waiting.isEmpty else { break }
            sightings.append((census.time, running, waiting))
        }
        let queue = BridgeQueue(pid: pid, sightings: sightings.reversed())
        guard sightings.count >= Self.sightings, queue.span >= Self.patience else { return nil }
        return queue
    }
}

extension Frame {
    /// Whether a thread in this frame waits until another thread does something.
    fileprivate var isWaitForThread: Bool {
        guard let file else { return false }
        return [
            "/threading.py", "/queue.py", "concurrent/futures/_base.py", "asgiref/current_thread_executor.py",
        ].contains { file.hasSuffix($0) }
    }
}

extension Frame {
    /// The class's or function's name without what it is nested in.
    var shortName: String { function.split(separator: ".").last.map(String.init) ?? function }
}
