import Dispatch
import GRDB
import Glibc
public import Observations
import Synchronization

/// Writes observations to a file: the sink at the end of every probe.
///
/// `record` appends to a bounded buffer under a short lock and returns; a serial queue commits what is there at 4 096
/// observations and at least every 250 ms, so a recorder that is killed has lost at most that. When the disk cannot
/// keep up the buffer fills, what comes then is counted, and a note in the recording says how many it lacks.
public final class RecordingWriter: ObservationSink {
    /// Observations to a transaction.
    static let batch = 4096
    /// From the first observation of a transaction to its commit, the commit itself not counted.
    static let delay = DispatchTimeInterval.milliseconds(200)

    /// The file.
    public let path: String

    private let capacity: Int
    private let buffer = Mutex(Buffer())
    private let file: Mutex<RecordingFile?>
    private let queue = DispatchQueue(label: "loopscope.recording")

    private struct Buffer {
        var observations: [Observation] = []
        var dropped = 0
        var flushing = false
        var failure: RecordingError?
    }

    /// Makes a recording.
    ///
    /// - Parameters:
    ///   - path: where; its directory must exist and be writable.
    ///   - replacing: whether a recording that is already there may be replaced. Another program's file never is.
    ///   - capacity: most observations that wait to be written.
    /// - Throws: `.exists`, `.uncreatable`, `.unwritable`.
    public init(path: String, replacing: Bool = false, capacity: Int = 1 << 18) throws(RecordingError) {
        self.path = path
        self.capacity = capacity
        file = Mutex(try RecordingFile(path: path, replacing: replacing))
    }

    /// Takes observations in the order they were made. Never blocks on the disk, never throws; after a failed write,
    /// and after `finish()`, it does nothing.
    public func record(_ observations: [Observation]) {
        let due: DispatchTimeInterval? = buffer.withLock { buffer in
            guard buffer.failure == nil, !observations.isEmpty else { return nil }
            let wasEmpty = buffer.observations.isEmpty && buffer.dropped == 0
            let room = max(0, capacity - buffer.observations.count)
            buffer.observations += observations.prefix(room)
            buffer.dropped += max(0, observations.count - room)
            if buffer.observations.count >= Self.batch, !buffer.flushing {
                buffer.flushing = true
                return .nanoseconds(0)
            }
            return wasEmpty ? Self.delay : nil
        }
        guard let due else { return }
        queue.asyncAfter(deadline: .now() + due) {
            // What is recorded is in memory already: whoever watches a target goes first. Of this thread alone (Linux).
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
            self.flush()
        }
    }

    /// Why writing stopped, if it did: the first error.
    public var failure: RecordingError? { buffer.withLock(\.failure) }

    /// How many observations wait to be written: for a source that can be slowed down.
    public var waiting: Int { buffer.withLock(\.observations.count) }

    /// Commits everything recorded so far and closes the file, which is then one plain file without a -wal beside it.
    /// Blocks until that is done. A second call does nothing.
    ///
    /// - Throws: the first error met while writing.
    public func finish() throws(RecordingError) {
        flush()
        file.withLock { file in
            file?.close()
            file = nil
        }
        if let failure { throw failure }
    }

    private func flush() {
        file.withLock { file in
            let (observations, dropped) = buffer.withLock { buffer in
                defer {
                    buffer.observations = []
                    buffer.dropped = 0
                    buffer.flushing = false
                }
                return (buffer.observations, buffer.dropped)
            }
            guard let file, !observations.isEmpty else { return }
            do throws(RecordingError) {
                var rest = observations[...]
                while !rest.isEmpty {
                    let part = rest.prefix(Self.batch)
                    rest = rest.dropFirst(Self.batch)
                    try file.append(part, dropped: rest.isEmpty ? dropped : 0)
                }
            } catch {
                buffer.withLock { $0.failure = $0.failure ?? error }
            }
        }
    }
}
