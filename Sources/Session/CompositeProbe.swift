public import Observations
import Synchronization

/// Several probes on one target: its workers, and for each its memory and its /proc.
///
/// One session has one start: the leader's. The others' starts are dropped, and what followers say of loops. It ends when the leaders have ended; a
/// follower (the /proc sampler beside a memory reader) never keeps it alive.
///
/// A worker that is started meanwhile, in place of one that died or beside the others, joins.
public struct CompositeProbe: Probe {
    /// Probes of processes that were not there before.
    public struct Newcomers: Sendable {
        /// Those that decide how long there is something to see.
        public var leaders: [any Probe]
        /// Those that see something beside.
        public var followers: [any Probe]

        /// Probes of new processes.
        public init(leaders: [any Probe] = [], followers: [any Probe] = []) {
            (self.leaders, self.followers) = (leaders, followers)
        }

        var isEmpty: Bool { leaders.isEmpty && followers.isEmpty }
    }

    let leaders: [any Probe]
    let followers: [any Probe]
    let newcomers: (@Sendable () -> Newcomers)?

    /// How often new processes are looked for.
    static let lookEvery = Duration.milliseconds(500)

    /// Probes of one target; at least one leader.
    ///
    /// - Parameter newcomers: asked twice a second for processes that are new since it was asked last.
    public init(
        leaders: [any Probe], followers: [any Probe] = [], newcomers: (@Sendable () -> Newcomers)? = nil
    ) {
        (self.leaders, self.followers, self.newcomers) = (leaders, followers, newcomers)
    }

    private enum Part: Sendable {
        case led(Result<SessionEnd, any Error>)
        case followed
        case arrived(Newcomers)
    }

    /// Observes with all of them at once.
    ///
    /// - Throws: the error of the first leader, when none of them saw anything.
    public func observe(into sink: any ObservationSink) async throws -> SessionEnd {
        let gate = StartGate(sink)
        return try await withThrowingTaskGroup(of: Part.self) { group in
            var running = leaders.count
            add(Newcomers(leaders: leaders, followers: followers), to: &group, gate, sink)
            lookForNewcomers(in: &group)
            var ends: [SessionEnd] = []
            var failure: (any Error)?
            while running > 0, let part = try await group.next() {
                switch part {
                case .led(.success(let end)):
                    ends.append(end)
                    running -= 1
                case .led(.failure(let error)):
                    failure = failure ?? error
                    running -= 1
                case .followed: continue
                case .arrived(let newcomers):
                    running += newcomers.leaders.count
                    add(newcomers, to: &group, gate, sink)
                    if !Task.isCancelled { lookForNewcomers(in: &group) }
                }
            }
            group.cancelAll()
            for try await _ in group {}
            if let end = ends.max(by: { $0.time < $1.time }) { return end }
            throw failure ?? CancellationError()
        }
    }

    private func add(
        _ probes: Newcomers, to group: inout ThrowingTaskGroup<Part, any Error>, _ gate: StartGate,
        _ sink: any ObservationSink
    ) {
        for leader in probes.leaders {
            group.addTask {
                do { return .led(.success(try await leader.observe(into: gate))) } catch {
                    return .led(.failure(error))
                }
            }
        }
        for follower in probes.followers {
            group.addTask {
                // A follower that cannot see leaves a note: its leader may see all the same.
                do { _ = try await follower.observe(into: FollowerSink(sink: gate)) } catch {
                    if let time = gate.started { sink.record([.note(ProbeNote(time: time, text: "\(error)"))]) }
                }
                return .followed
            }
        }
    }

    /// One look every half second, until somebody has come or the session ends.
    private func lookForNewcomers(in group: inout ThrowingTaskGroup<Part, any Error>) {
        guard let newcomers else { return }
        group.addTask {
            while (try? await Task.sleep(for: Self.lookEvery)) != nil {  // ended by cancellation
                let found = newcomers()
                if !found.isEmpty { return .arrived(found) }
            }
            return .followed
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
