public import Observations
import Synchronization

/// Several probes on one target: its workers, and for each its memory and its /proc.
///
/// One session has one start: the leader's. The others' starts are dropped, and what followers say of loops. It ends when the leaders have ended; a
/// follower (the /proc sampler beside a memory reader) never keeps it alive.
public struct CompositeProbe: Probe {
    let leaders: [any Probe]
    let followers: [any Probe]

    /// Probes of one target; at least one leader.
    public init(leaders: [any Probe], followers: [any Probe] = []) {
        self.leaders = leaders
        self.followers = followers
    }

    /// Observes with all of them at once.
    ///
    /// - Throws: the error of the first leader, when none of them saw anything.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        let gate = StartGate(sink)
        return try await withThrowingTaskGroup(of: Result<SessionEnd, any Error>?.self) { group in
            for leader in leaders {
                group.addTask {
                    do { return .success(try await leader.observe(into: gate)) } catch { return .failure(error) }
                }
            }
            for follower in followers {
                group.addTask {
                    // A follower that cannot see leaves a note: its leader may see all the same.
                    do { _ = try await follower.observe(into: FollowerSink(sink: gate)) } catch {
                        if let time = gate.started { sink.record([.note(ProbeNote(time: time, text: "\(error)"))]) }
                    }
                    return nil
                }
            }
            var ends: [SessionEnd] = []
            var failure: (any Error)?
            var running = leaders.count
            while running > 0, let result = try await group.next() {
                switch result {
                case .success(let end): ends.append(end)
                case .failure(let error): failure = failure ?? error
                case nil: continue
                }
                running -= 1
            }
            group.cancelAll()
            for try await _ in group {}
            if let end = ends.max(by: { $0.time < $1.time }) { return end }
            throw failure ?? CancellationError()
        }
    }
}

/// Lets the first start through, and only that.
private final class StartGate: ObservationSink {
    private let sink: any ObservationSink
    private let first = Mutex<Moment?>(nil)

    init(_ sink: any ObservationSink) { self.sink = sink }

    var started: Moment? { first.withLock { $0 } }

    func record(_ observations: [Observation]) {
        sink.record(
            observations.filter { observation in
                guard case .start(let start) = observation else { return true }
                return first.withLock { known in
                    if known != nil { return false }
                    known = start.time
                    return true
                }
            })
    }
}

/// A follower's start is never the session's, and the loops it guesses from threads are ones the leaders read.
private struct FollowerSink: ObservationSink {
    let sink: StartGate

    func record(_ observations: [Observation]) {
        sink.record(
            observations.filter { observation in
                switch observation {
                case .start, .loop: false
                default: true
                }
            })
    }
}
