import Observations
import Synchronization

/// Keeps what clients saw.
final class Seen: ObservationSink {
    private let state = Mutex<[ClientEvent]>([])

    func record(_ observations: [Observation]) {
        state.withLock { events in
            for case .client(let event) in observations { events.append(event) }
        }
    }

    var events: [ClientEvent] { state.withLock { $0 } }
}
